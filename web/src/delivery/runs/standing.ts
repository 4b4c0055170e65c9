// The stages of a run, each with where it stands and for how long.
import type { Resource } from '~/kernel/jsonapi'

/** Standing is where a stage stands. */
export type Standing = 'waiting' | 'queued' | 'running' | 'passed' | 'failed' | 'stopped' | 'decision' | 'skipped'

/** Stage is a part of a run that people wait for; times are those of the API. */
export type Stage = {
  key: 'plan' | 'decision' | 'apply'
  title: string
  standing: Standing
  /** in words */
  says: string
  from: string | undefined
  to: string | undefined
  /** how long it waited for an executor, in seconds */
  waited?: number | undefined
}

type Times = Record<string, string | undefined>

/** stagesOf are the stages of a run that happen, or may still. */
export function stagesOf(run: Resource<'runs'>, plan: Resource<'plans'> | undefined, apply: Resource<'applies'> | undefined): Stage[] {
  const stages = [phase('plan', 'Plan', plan?.attributes.status, plan?.attributes['status-timestamps'] as Times | undefined)]
  if (run.attributes['plan-only']) return stages
  return [...stages, decision(run), phase('apply', 'Apply', apply?.attributes.status, apply?.attributes['status-timestamps'] as Times | undefined)]
}

const standings: Record<string, [Standing, string]> = {
  pending: ['waiting', 'Waits for its turn'],
  queued: ['queued', 'Waits for an executor'],
  managed_queued: ['queued', 'Waits for an executor'],
  running: ['running', 'Running'],
  finished: ['passed', 'Finished'],
  errored: ['failed', 'Errored'],
  canceled: ['stopped', 'Canceled'],
  unreachable: ['skipped', 'Did not run'],
}

function phase(key: 'plan' | 'apply', title: string, status = 'pending', times: Times = {}): Stage {
  const [standing, says] = standings[status] ?? ['waiting', status.replaceAll('_', ' ')]
  const to = times['finished-at'] ?? times['errored-at'] ?? times['canceled-at'] ?? times['force-canceled-at']
  return { key, title, standing, says, from: times['started-at'] ?? times['queued-at'], to, waited: between(times['queued-at'], times['started-at']) }
}

function between(from: string | undefined, to: string | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000)
}

/** undecided are the statuses in which a run waits for a person. */
const undecided = new Set(['planned', 'planned_and_saved', 'cost_estimated', 'policy_checked', 'policy_override', 'post_plan_completed', 'post_plan_awaiting_decision'])

function decision(run: Resource<'runs'>): Stage {
  const { status, 'auto-apply': auto } = run.attributes
  const at = (run.attributes['status-timestamps'] ?? {}) as Times
  const stage = (standing: Standing, says: string, to?: string): Stage => ({ key: 'decision', title: 'Confirm', standing, says, from: at['planned-at'], to })
  const confirmed = at['confirmed-at'] ?? at['apply-queued-at'] ?? at['queuing-apply-at']
  if (undecided.has(status)) return stage('decision', 'Waits for a person')
  if (confirmed) return stage('passed', auto ? 'Applies by itself' : 'Confirmed', confirmed)
  if (status === 'discarded') return stage('stopped', 'Discarded', at['discarded-at'])
  if (status === 'planned_and_finished') return stage('skipped', 'Nothing to apply')
  if (['errored', 'canceled', 'policy_soft_failed'].includes(status)) return stage('skipped', 'Was not needed')
  return stage('waiting', auto ? 'Will apply by itself' : 'Will ask for confirmation')
}

/** seconds is how long a stage has taken, so far if it is running; undefined before it began. */
export function seconds(stage: Pick<Stage, 'from' | 'to' | 'standing'>, now: number): number | undefined {
  if (stage.from === undefined || stage.standing === 'waiting' || stage.standing === 'skipped') return undefined
  const to = stage.to === undefined ? now : Date.parse(stage.to)
  return Math.max(0, (to - Date.parse(stage.from)) / 1000)
}

/** isQueued is whether, in a status, a run has a place in the queue of its organization. */
export function isQueued(status: string): boolean {
  return ['pending', 'plan_queued', 'confirmed', 'apply_queued'].includes(status)
}
