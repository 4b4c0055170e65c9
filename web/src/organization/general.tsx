// The organization itself: its address, how runs are executed, what is kept, its end.
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, refOf } from '~/kernel/jsonapi'
import { useDraft } from '~/kernel/draft'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Id } from '~/ui/Copy'
import { Confirm } from '~/ui/Dialog'
import { Choice, Field, Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Fact, Facts, Panel } from '~/ui/Page'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { Execution } from './execution'
import { settingsRoute } from './frame'
import { Retention } from './retention'

export const generalRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/general', component: General })

function General() {
  const { org } = generalRoute.useParams()
  const organization = useOrganization(org)
  const can = organization.attributes.permissions
  return (
    <div className="max-w-3xl space-y-4">
      <Panel title="About" padded>
        <Facts>
          <Fact name="Id"><Id>{organization.attributes['external-id']}</Id></Fact>
          <Fact name="Made"><Time at={organization.attributes['created-at']} /></Fact>
        </Facts>
      </Panel>
      <Settings org={org} />
      <Retention
        path={api.address('/organizations/{organization}/relationships/data-retention-policy', { organization: org })}
        of={organization}
        about="State versions and configurations that are not current any more. A workspace may have a policy of its own."
        otherwise="As the server does"
        may={can['can-update']}
      />
      {can['can-destroy'] && <Danger org={org} />}
    </div>
  )
}

function Settings({ org }: { org: string }) {
  const organization = useOrganization(org)
  const a = organization.attributes
  const navigate = generalRoute.useNavigate()
  const draft = useDraft({ name: a.name, email: a.email, 'default-execution-mode': a['default-execution-mode'], 'allow-force-delete-workspaces': a['allow-force-delete-workspaces'], pool: refOf(organization, 'default-agent-pool')?.id ?? '' })
  const { pool, ...f } = draft.values
  const mode = f['default-execution-mode']
  const change = useChange(
    ['organizations', 'workspaces', 'projects'],
    () => api.update('/organizations/{organization}', { organization: org }, body('organizations', { ...f, 'default-agent-pool-id': mode === 'agent' ? pool : null }, undefined, org)),
    ({ item }) => {
      toast('The settings are saved.')
      if (item.attributes.name !== a.name) return navigate({ to: '/$org/settings/general', params: { org: item.attributes.name }, replace: true })
    },
  )
  const wrong = fieldsOf(change.error)
  return (
    <Panel title="Settings" padded>
      <Form change={change} draft={draft} names={{ 'default-execution-mode': 'where runs are executed', pool: 'agent pool', 'allow-force-delete-workspaces': 'what admins of workspaces may delete' }} action="Save">
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Name" help={f.name === a.name ? undefined : 'It is part of every configuration and address: change them all.'} error={wrong.name}>
            <Input required value={f.name} onChange={(e) => draft.set({ name: e.target.value })} />
          </Field>
          <Field label="Email address" error={wrong.email}><Input type="email" required value={f.email} onChange={(e) => draft.set({ email: e.target.value })} /></Field>
        </div>
        <Execution
          org={org}
          mode={mode} onMode={(v) => draft.set({ 'default-execution-mode': v })}
          pool={pool} onPool={(v) => draft.set({ pool: v })}
          help="Unless a project or a workspace says otherwise."
          wrong={{ pool: wrong['default-agent-pool-id'] }}
        />
        <Choice label="Admins of workspaces may delete what manages resources" checked={f['allow-force-delete-workspaces']} onChange={(e) => draft.set({ 'allow-force-delete-workspaces': e.target.checked })} />
      </Form>
    </Panel>
  )
}

function Danger({ org }: { org: string }) {
  const navigate = generalRoute.useNavigate()
  const [open, setOpen] = useState(false)
  const remove = useChange(['organizations'], () => api.remove('/organizations/{organization}', { organization: org }), () => navigate({ to: '/organizations' }))
  return (
    <Panel title="Delete the organization" padded>
      <div className="flex flex-wrap items-center justify-between gap-4">
        <p className="max-w-lg text-muted">With all its workspaces, states, runs, teams and modules. What they manage stays in the world, unmanaged.</p>
        <Button look="danger" icon="trash" onClick={() => setOpen(true)}>Delete…</Button>
      </div>
      {open && (
        <Confirm title={`Delete ${org}?`} action="Delete for ever" typed={org} busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={() => setOpen(false)}>
          <p>This cannot be undone.</p>
        </Confirm>
      )}
    </Panel>
  )
}
