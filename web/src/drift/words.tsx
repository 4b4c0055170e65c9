// What drift detection's words mean to people.
import { Badge, type Tone } from '~/ui/Badge'
import type { IconName } from '~/ui/Icon'

type Look = { label: string; tone: Tone; icon?: IconName; busy?: boolean }

/** severities are those of findings, the worst first. */
export const severities = ['critical', 'high', 'medium', 'low', 'info'] as const

const severityLooks: Record<string, Look> = {
  critical: { label: 'Critical', tone: 'bad', icon: 'warning' },
  high: { label: 'High', tone: 'replace', icon: 'warning' },
  medium: { label: 'Medium', tone: 'warn', icon: 'warning' },
  low: { label: 'Low', tone: 'info', icon: 'info' },
  info: { label: 'Info', tone: 'idle', icon: 'info' },
}

/** kinds are those of findings. */
export const kinds: Record<string, { label: string; about: string }> = {
  drift: { label: 'Changed outside', about: 'It was changed outside. The next apply changes it back.' },
  'drift+config': { label: 'Changed twice', about: 'It was changed outside and in the code, to different values.' },
  deleted: { label: 'Deleted outside', about: 'It is gone. The next apply makes it again.' },
  'drift-feeds': { label: 'Changed, feeds others', about: 'It was changed outside and stays so, but other changes follow from it.' },
  'pending-config': { label: 'Not applied yet', about: 'The code has changed and nobody has applied it. That is no drift.' },
  check: { label: 'Check fails', about: 'A check of the configuration does not pass.' },
}

const findingLooks: Record<string, Look> = {
  open: { label: 'Open', tone: 'warn', icon: 'drift' },
  ignored: { label: 'Ignored', tone: 'idle', icon: 'minus' },
  resolved: { label: 'Resolved', tone: 'ok', icon: 'check' },
}

const scanLooks: Record<string, Look> = {
  queued: { label: 'Queued', tone: 'idle', icon: 'clock' },
  running: { label: 'Scanning', tone: 'info', busy: true },
  confirming: { label: 'Looks again', tone: 'info', icon: 'clock' },
  finished: { label: 'Finished', tone: 'ok', icon: 'check' },
  errored: { label: 'Errored', tone: 'bad', icon: 'cross' },
  canceled: { label: 'Canceled', tone: 'idle', icon: 'stop' },
  superseded: { label: 'Superseded', tone: 'idle', icon: 'stop' },
}

/** healths are what the assessments of a workspace may have come to. */
export const healths: Record<string, Look & { about: string }> = {
  healthy: { label: 'Healthy', tone: 'ok', icon: 'check', about: 'Everything is as the last apply left it, and all checks pass.' },
  drifted: { label: 'Drifted', tone: 'warn', icon: 'drift', about: 'Something was changed outside.' },
  'checks-failing': { label: 'Checks fail', tone: 'bad', icon: 'warning', about: 'Nothing has drifted, but a check does not pass.' },
  errored: { label: 'Errored', tone: 'bad', icon: 'cross', about: 'The last assessment failed.' },
  blocked: { label: 'Blocked', tone: 'warn', icon: 'lock', about: 'It cannot be assessed now.' },
  unknown: { label: 'Not assessed yet', tone: 'idle', icon: 'clock', about: 'It waits for its first assessment.' },
  disabled: { label: 'Assessments are off', tone: 'idle', icon: 'minus', about: 'Nobody looks for drift here.' },
}

/** scanStatuses, findingStatuses and severityOptions are choices of filters. */
export const scanStatuses = Object.entries(scanLooks).map(([value, look]) => [value, look.label] as const)
export const findingStatuses = Object.entries(findingLooks).map(([value, look]) => [value, look.label] as const)
export const severityOptions = severities.map((s) => [s, severityLooks[s]?.label ?? s] as const)

/** reasons are why there was a scan. */
export const reasons: Record<string, string> = { scheduled: 'on schedule', manual: 'asked for', test: 'a test', confirm: 'to confirm' }

/** headline is the summary of a scan without its severity, which a badge beside it says; brief is also without how much more there is. */
export function headline(summary: string, brief = false): string {
  const text = summary.replace(/^\[\w+\] /, '').replace(/^check /, 'Check ')
  return brief ? text.replace(/; \+\d+ more( in \d+ resources?)?/, '') : text.replace(/; \+(\d+) more/, ', and $1 more')
}

type Checks = { 'checks-passed': number; 'checks-failed': number; 'checks-errored': number; 'checks-unknown': number }

/** checksOf says how many checks passed, and how many did not and why. */
export function checksOf(a: Checks): string {
  const counts = [['passed', a['checks-passed']], ['failed', a['checks-failed']], ['could not be evaluated', a['checks-errored']], ['unknown', a['checks-unknown']]] as const
  return counts.flatMap(([word, n]) => (n > 0 ? [`${n} ${word}`] : [])).join(', ') || 'none'
}

function Word({ look, value }: { look: Look | undefined; value: string }) {
  const { label, tone, icon, busy } = look ?? { label: value.replaceAll('-', ' '), tone: 'idle' as const, icon: 'info' as const, busy: false }
  return <Badge tone={tone} icon={icon} busy={busy}>{label}</Badge>
}

/** Severity, FindingStatus, ScanStatus and Health are badges with a word. */
export const Severity = ({ level }: { level: string }) => <Word look={severityLooks[level]} value={level} />
export const FindingStatus = ({ status }: { status: string }) => <Word look={findingLooks[status]} value={status} />
export const ScanStatus = ({ status }: { status: string }) => <Word look={scanLooks[status]} value={status} />
export const Health = ({ state }: { state: string }) => <Word look={healths[state]} value={state} />

/** Outcome is that of the last test of a repository, a connection or an alert. */
export function Outcome({ status }: { status: string }) {
  if (status === 'ok' || status === 'good') return <Badge tone="ok" icon="check">Works</Badge>
  if (status === 'failed' || status === 'bad') return <Badge tone="bad" icon="cross">Fails</Badge>
  return <Badge tone="idle" icon="clock">Not tested</Badge>
}
