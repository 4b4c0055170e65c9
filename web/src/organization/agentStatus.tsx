import { Badge, type Tone } from '~/ui/Badge'

const tones: Record<string, Tone> = { idle: 'ok', busy: 'info', unknown: 'warn', errored: 'bad', exited: 'idle' }

/** agentStatuses are those that an agent may have. */
export const agentStatuses = Object.keys(tones)

/** AgentStatus is what an agent does, in a word. */
export function AgentStatus({ status }: { status: string }) {
  return <Badge tone={tones[status] ?? 'idle'} busy={status === 'busy'}>{status}</Badge>
}
