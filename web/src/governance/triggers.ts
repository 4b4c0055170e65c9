// What a notification can tell of, as people think of it, and where it can go.

/** Trigger is something that a notification can tell of. */
export type Trigger = { value: string; label: string; short: string; help?: string }

/** triggerGroups are those of workspaces and projects, by what they are about. */
export const triggerGroups: readonly { group: string; triggers: readonly Trigger[] }[] = [
  {
    group: 'Runs',
    triggers: [
      { value: 'run:needs_attention', short: 'needs somebody', label: 'Somebody must decide', help: 'A plan waits to be confirmed, or a policy to be overridden.' },
      { value: 'run:errored', short: 'failed', label: 'It failed or was canceled' },
      { value: 'run:completed', short: 'done', label: 'It is done', help: 'Applied, or there was nothing to change.' },
      { value: 'run:created', short: 'started', label: 'It was started' },
      { value: 'run:planning', short: 'plans', label: 'It begins to plan' },
      { value: 'run:applying', short: 'applies', label: 'It begins to apply' },
    ],
  },
  {
    group: 'Health',
    triggers: [
      { value: 'assessment:drifted', short: 'drift', label: 'Something was changed outside', help: 'Drift for the first time, or other drift than before.' },
      { value: 'assessment:check_failure', short: 'check fails', label: 'A check does not pass' },
      { value: 'assessment:failed', short: 'assessment failed', label: 'An assessment failed' },
    ],
  },
]

/** teamTriggers are those of teams. */
export const teamTriggers: typeof triggerGroups = [{ group: 'Change requests', triggers: [{ value: 'change_request:created', short: 'change request', label: 'A change request is made' }] }]

/** destinations are where notifications can go. */
export const destinations: Record<string, { label: string; about: string; example?: string }> = {
  generic: { label: 'Webhook', about: 'A JSON document by POST, signed if there is a token.', example: 'https://hooks.example.com/runs' },
  slack: { label: 'Slack', about: 'A message by an incoming webhook.', example: 'https://hooks.slack.com/services/…' },
  'microsoft-teams': { label: 'Microsoft Teams', about: 'A card by a workflow.', example: 'https://….webhook.office.com/…' },
  email: { label: 'Email', about: 'To members of the organization and to other addresses.' },
}

const shorts = new Map([...triggerGroups, ...teamTriggers].flatMap((g) => g.triggers.map((t) => [t.value, t.short] as const)))

/** shortOf is a trigger in a word or two. */
export function shortOf(trigger: string): string {
  return shorts.get(trigger) ?? trigger
}
