// Publishing a module, in two steps: what it is called, and its first version.
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Field, Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Page, Panel } from '~/ui/Page'
import { cx } from '~/ui/classes'
import { Upload } from './Upload'

export function Publish() {
  const { org } = useParams({ from: '/$org/registry/publish' })
  const [made, setMade] = useState<{ name: string; provider: string }>()
  const navigate = useNavigate()
  return (
    <Page title="Publish a module">
      <div className="max-w-2xl space-y-5">
        <Panel title={<Step n={1} done={made !== undefined}>What it is called</Step>} padded>
          {made ? <p className="font-mono text-sm">{org}/{made.name}/{made.provider}</p> : <Name org={org} onDone={(name, provider) => setMade({ name, provider })} />}
        </Panel>
        <Panel title={<Step n={2} done={false}>Its first version</Step>} padded>
          {made ? (
            <Upload address={{ org, namespace: org, ...made }} onDone={() => void navigate({ to: '/$org/registry/modules/$namespace/$name/$provider', params: { org, namespace: org, ...made } })} />
          ) : (
            <p className="text-muted">An archive of the module is uploaded in the next step.</p>
          )}
        </Panel>
      </div>
    </Page>
  )
}

function Step({ n, done, children }: { n: number; done: boolean; children: string }) {
  return (
    <span className="flex items-center gap-2.5">
      <span className={cx('flex size-6 items-center justify-center rounded-full text-sm', done ? 'bg-ok-soft text-ok' : 'bg-accent-soft text-accent')}>{done ? '✓' : n}</span>
      {children}
    </span>
  )
}

function Name({ org, onDone }: { org: string; onDone: (name: string, provider: string) => void }) {
  const [name, setName] = useState('')
  const [provider, setProvider] = useState('')
  const change = useChange(
    ['registry-modules'],
    () => api.create('/organizations/{organization}/registry-modules', { organization: org }, body('registry-modules', { name, provider, 'registry-name': 'private' })),
    () => onDone(name, provider),
  )
  const wrong = fieldsOf(change.error)
  return (
    <Form change={change} action="Create the module">
      <Field label="Name" help="What it makes, such as network or database." error={wrong.name}>
        <Input value={name} onChange={(e) => setName(e.target.value)} required autoFocus />
      </Field>
      <Field label="Provider" help="The one that it uses most, such as aws or google." error={wrong.provider}>
        <Input value={provider} onChange={(e) => setProvider(e.target.value)} required />
      </Field>
    </Form>
  )
}
