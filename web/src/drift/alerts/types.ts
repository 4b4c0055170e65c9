// The kinds of alerts, and what each wants to know.
import type { IconName } from '~/ui/Icon'
import type { Tone } from '~/ui/Badge'

type AlertType = {
  value: string
  label: string
  /** What it does, for who chooses. */
  about: string
  url?: { label: string; example: string; help: string; optional?: boolean }
  secret?: { label: string; help: string; optional?: boolean }
  subject?: string
  body: string
  /** Keeps one thing for each folder, so that there is no digest. */
  single?: boolean
}

export const alertTypes: readonly AlertType[] = [
  {
    value: 'other', label: 'Webhook', about: 'A POST to an address of yours, with headers and a body as you write them.',
    url: { label: 'Address', example: 'https://hooks.example.com/drift', help: 'It gets a POST. Another host takes the headers and the secret away, which were for the first one.' },
    secret: { label: 'Signing secret', help: 'With it, X-Signature-256 is the HMAC of time and body, by which the receiver knows that it is us.', optional: true },
    body: 'Body',
  },
  { value: 'email', label: 'Email', about: 'As text and HTML to up to 50 addresses.', subject: 'Subject', body: 'Text' },
  { value: 'github-issue', label: 'GitHub issue', about: 'One issue for each folder, in the repository of the schedule. It is closed when the drift is gone.', subject: 'Title', body: 'Text', single: true },
  { value: 'gitlab-issue', label: 'GitLab issue', about: 'One issue for each folder, in the project of the schedule. It is closed when the drift is gone.', subject: 'Title', body: 'Text', single: true },
  { value: 'slack', label: 'Slack', about: 'A message by an incoming webhook.', url: { label: 'Webhook', example: 'https://hooks.slack.com/services/…', help: 'Slack: Apps, Incoming Webhooks.' }, subject: 'First line, bold', body: 'Text' },
  { value: 'teams', label: 'Microsoft Teams', about: 'A card by a workflow.', url: { label: 'Workflow', example: 'https://….webhook.office.com/…', help: 'Teams: Workflows, “Post to a channel when a webhook request is received”.' }, subject: 'Title', body: 'Text' },
  {
    value: 'pagerduty', label: 'PagerDuty', about: 'One incident for each folder that drifts; it is resolved when the drift is gone.',
    url: { label: 'Address', example: 'https://events.pagerduty.com', help: 'Only for another region, such as https://events.eu.pagerduty.com.', optional: true },
    secret: { label: 'Integration key', help: 'Of an Events API v2 integration of the service.' }, subject: 'Title', body: 'Details', single: true,
  },
  {
    value: 'opsgenie', label: 'Opsgenie', about: 'One alert for each folder that drifts; it is closed when the drift is gone.',
    url: { label: 'Address', example: 'https://api.opsgenie.com', help: 'Only for another region, such as https://api.eu.opsgenie.com.', optional: true },
    secret: { label: 'API key', help: 'Of an API integration.' }, subject: 'Message', body: 'Description', single: true,
  },
  {
    value: 'shoutrrr', label: 'Other service', about: 'Discord, Google Chat, Gotify, Mattermost, ntfy, Pushover, Rocket.Chat or Telegram.',
    url: { label: 'Service URL', example: 'discord://TOKEN@WEBHOOK-ID', help: 'As Shoutrrr writes them: telegram://TOKEN@telegram?chats=@channel, ntfy://ntfy.sh/topic, …' }, subject: 'Title', body: 'Text',
  },
]

/** typeOf is the kind of an alert. */
export function typeOf(value: string): AlertType {
  return alertTypes.find((t) => t.value === value) ?? { value, label: value, about: '', body: 'Text' }
}

/** placeholders are words of a text that are replaced, by what they are about. */
export const placeholders: readonly { group: string; names: readonly (readonly [string, string])[] }[] = [
  { group: 'What drifts', names: [['AI_SUMMARY', 'one line: the worst first'], ['AI_SEVERITY', 'critical, high, medium, low or info'], ['AI_DESCRIPTION', 'what changed, why it matters, what to do (Markdown)'], ['OUTPUT_BRIEF', 'a line for each change'], ['OUTPUT', 'the plan as people read it, masked'], ['RESOURCES_DRIFTED', 'how many']] },
  { group: 'Where', names: [['REPO', 'full name of the repository'], ['FOLDER', 'folder in it'], ['BRANCH', 'branch'], ['COMMIT', 'commit'], ['CONFIG_NAME', 'name of the schedule']] },
  { group: 'When and who', names: [['DATE', 'end of the scan, in your time zone'], ['TIME', 'time of it'], ['TZ', 'the time zone'], ['FIRST_SEEN', 'when it began, in UTC'], ['CHANGED_BY', 'who changed it, if known'], ['ADMIN_EMAILS', 'owners of the organization']] },
  { group: 'What to do', names: [['SNOOZE_3', 'link that silences the folder for 3 days; any number up to 365'], ['SCAN_URL', 'where the scan is shown'], ['EVENT', 'new, changed, raised, resolved, error, recovered or test']] },
  { group: 'For programs', names: [['FINDINGS_JSON', 'the findings as JSON'], ['FINGERPRINT', 'the same as long as the drift is']] },
]

export const events: Record<string, string> = { new: 'New drift', changed: 'Other drift', raised: 'More severe', resolved: 'Resolved', error: 'Scan failed', recovered: 'Scans work again', test: 'Test', digest: 'Digest' }

export const deliveryLooks: Record<string, { label: string; tone: Tone; icon: IconName }> = {
  pending: { label: 'Waits', tone: 'info', icon: 'clock' },
  sent: { label: 'Sent', tone: 'ok', icon: 'check' },
  dead: { label: 'Failed', tone: 'bad', icon: 'cross' },
  superseded: { label: 'Out of date', tone: 'idle', icon: 'minus' },
  digested: { label: 'In a digest', tone: 'idle', icon: 'check' },
}

export const digests = [['', 'one by one', 'Of one scan at most 20 folders are told by themselves, the rest together.'], ['scan', 'once for each scan', 'All folders that a schedule scans together.'], ['daily', 'once a day', 'At 09:00 in the time zone of the organization.']] as const
