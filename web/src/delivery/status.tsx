// What the statuses of runs mean to people.
import type { IconName } from '~/ui/Icon'
import { Badge, type Tone } from '~/ui/Badge'

type Look = { label: string; tone: Tone; icon?: IconName; busy?: boolean }

const looks: Record<string, Look> = {
  pending: { label: 'Queued', tone: 'idle', icon: 'clock' },
  fetching: { label: 'Fetching', tone: 'info', busy: true },
  fetching_completed: { label: 'Fetched', tone: 'info', icon: 'clock' },
  pre_plan_running: { label: 'Pre-plan', tone: 'info', busy: true },
  pre_plan_awaiting_decision: { label: 'Needs a decision', tone: 'warn', icon: 'warning' },
  pre_plan_completed: { label: 'Pre-plan done', tone: 'info', icon: 'clock' },
  queuing: { label: 'Queued', tone: 'idle', icon: 'clock' },
  plan_queued: { label: 'Plan queued', tone: 'idle', icon: 'clock' },
  planning: { label: 'Planning', tone: 'info', busy: true },
  planned: { label: 'Needs confirmation', tone: 'warn', icon: 'warning' },
  post_plan_running: { label: 'Post-plan', tone: 'info', busy: true },
  post_plan_awaiting_decision: { label: 'Needs a decision', tone: 'warn', icon: 'warning' },
  post_plan_completed: { label: 'Needs confirmation', tone: 'warn', icon: 'warning' },
  cost_estimating: { label: 'Estimating costs', tone: 'info', busy: true },
  cost_estimated: { label: 'Needs confirmation', tone: 'warn', icon: 'warning' },
  policy_checking: { label: 'Checking policies', tone: 'info', busy: true },
  policy_override: { label: 'Policy override', tone: 'warn', icon: 'warning' },
  policy_soft_failed: { label: 'Policy failed', tone: 'bad', icon: 'cross' },
  policy_checked: { label: 'Needs confirmation', tone: 'warn', icon: 'warning' },
  planned_and_finished: { label: 'Planned', tone: 'ok', icon: 'check' },
  planned_and_saved: { label: 'Plan saved', tone: 'warn', icon: 'warning' },
  confirmed: { label: 'Confirmed', tone: 'info', icon: 'clock' },
  pre_apply_running: { label: 'Pre-apply', tone: 'info', busy: true },
  pre_apply_completed: { label: 'Pre-apply done', tone: 'info', icon: 'clock' },
  queuing_apply: { label: 'Apply queued', tone: 'idle', icon: 'clock' },
  apply_queued: { label: 'Apply queued', tone: 'idle', icon: 'clock' },
  applying: { label: 'Applying', tone: 'info', busy: true },
  post_apply_running: { label: 'Post-apply', tone: 'info', busy: true },
  post_apply_completed: { label: 'Post-apply done', tone: 'info', icon: 'clock' },
  applied: { label: 'Applied', tone: 'ok', icon: 'check' },
  discarded: { label: 'Discarded', tone: 'idle', icon: 'cross' },
  errored: { label: 'Errored', tone: 'bad', icon: 'cross' },
  canceled: { label: 'Canceled', tone: 'idle', icon: 'stop' },
  force_canceled: { label: 'Canceled by force', tone: 'idle', icon: 'stop' },
}

function lookOf(status: string): Look {
  return looks[status] ?? { label: status.replaceAll('_', ' '), tone: 'idle', icon: 'info' }
}

/** RunStatus is the status of a run in a word; there may be no run yet. */
export function RunStatus({ status }: { status: string | undefined }) {
  if (status === undefined) return <span className="text-sm text-faint">No run yet</span>
  const { label, tone, icon, busy } = lookOf(status)
  return <Badge tone={tone} icon={icon} busy={busy}>{label}</Badge>
}

/** statusGroups are the statuses by what they ask of a person. */
export const statusGroups = {
  attention: { label: 'Needs attention', statuses: Object.keys(looks).filter((s) => looks[s]?.tone === 'warn') },
  active: { label: 'Running', statuses: Object.keys(looks).filter((s) => looks[s]?.busy || looks[s]?.icon === 'clock') },
  errored: { label: 'Errored', statuses: ['errored', 'policy_soft_failed'] },
  applied: { label: 'Applied', statuses: ['applied', 'planned_and_finished'] },
  stopped: { label: 'Stopped', statuses: ['discarded', 'canceled'] },
} as const

/** StatusGroup is one of these in addresses. */
export type StatusGroup = keyof typeof statusGroups

/** finals are the statuses that a run never leaves. */
const finals = new Set(['force_canceled', 'policy_soft_failed', 'planned_and_finished', 'applied', 'discarded', 'errored', 'canceled'])

/** isFinal is whether nothing more happens to a run in a status. */
export function isFinal(status: string): boolean {
  return finals.has(status)
}
