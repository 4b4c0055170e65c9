import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { address, send } from '~/kernel/api'
import type { Resource } from '~/kernel/jsonapi'
import { allQuery, useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Actions, Dialog } from '~/ui/Dialog'
import { Failure, Notice } from '~/ui/Failure'
import { Field, Select } from '~/ui/Field'

type Alert = Resource<'drift-alerts'>
type Answer = { status: 'ok' | 'failed'; message?: string }

const wentWell: Record<string, string> = {
  other: 'The receiver has taken it.', email: 'The mail server has taken it. Look whether it arrives.',
  'github-issue': 'An issue was made, commented and closed.', 'gitlab-issue': 'An issue was made, commented and closed.',
  slack: 'Slack has taken it. Look into the channel.', teams: 'Teams has taken it. Look into the channel.',
  pagerduty: 'An incident was opened and resolved.', opsgenie: 'An alert was opened and closed.',
}

/** TryAlert sends a message with sample values now, as the alert is saved. */
export function TryAlert({ org, alert }: { org: string; alert: Alert }) {
  const [open, setOpen] = useState(false)
  const issues = alert.attributes.type.endsWith('-issue')
  const test = useChange(['drift-alerts', 'drift-alert-deliveries'], async (repository: string) => (await send('POST', address('/drift-alerts/{id}/actions/test', { id: alert.id }, { repository }))) as Answer)
  return (
    <>
      <Button
        icon="run"
        busy={test.isPending}
        onClick={() => {
          test.reset()
          setOpen(true)
          if (!issues) test.mutate('')
        }}
      >
        Try it
      </Button>
      {open && (
        <Dialog title={`A try of ${alert.attributes.name}`} onClose={() => setOpen(false)}>
          {issues && !test.data && <ChooseRepository org={org} alert={alert} busy={test.isPending} onChosen={(id) => test.mutate(id)} />}
          {test.isPending && !issues && <p className="text-muted" role="status">A message with sample values is on its way…</p>}
          {test.error && <Failure error={test.error} className="mt-3" />}
          {test.data?.status === 'ok' && <Notice tone="ok" icon="check" role="status">{wentWell[alert.attributes.type] ?? 'The service has taken it.'}</Notice>}
          {test.data?.status === 'failed' && <Notice tone="bad" icon="cross" role="alert"><p className="font-medium">It did not go out.</p><p className="wrap-anywhere">{test.data.message}</p></Notice>}
          {(test.data ?? test.error) && <Actions><Button onClick={() => setOpen(false)}>Close</Button></Actions>}
        </Dialog>
      )}
    </>
  )
}

function ChooseRepository({ org, alert, busy, onChosen }: { org: string; alert: Alert; busy: boolean; onChosen: (id: string) => void }) {
  const host = alert.attributes.type.replace('-issue', '')
  const all = useQuery(allQuery('drift-repositories', '/organizations/{organization}/drift-repositories', { organization: org }))
  const [chosen, setChosen] = useState('')
  const fit = all.data?.filter((r) => r.attributes.type.startsWith(host) && r.attributes['has-token']) ?? []
  const id = chosen || (fit[0]?.id ?? '')
  if (all.data && fit.length === 0) return <p className="text-muted">There is no repository with a token on {host === 'github' ? 'GitHub' : 'GitLab'} yet. Add one first.</p>
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        onChosen(id)
      }}
    >
      <Field label="Make an issue in" help="It is about this try, and closed at once."><Select value={id} onChange={(e) => setChosen(e.target.value)}>{fit.map((r) => <option key={r.id} value={r.id}>{r.attributes['full-name']}</option>)}</Select></Field>
      <Actions><Button type="submit" look="primary" busy={busy} disabled={id === ''}>Make the issue</Button></Actions>
    </form>
  )
}
