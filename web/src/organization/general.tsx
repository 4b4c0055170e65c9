// The organization itself: its address, how runs are executed, its token, its end.
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Id } from '~/ui/Copy'
import { Confirm } from '~/ui/Dialog'
import { Choice, Field, Input, Select } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Fact, Facts, Panel } from '~/ui/Page'
import { Secret } from '~/ui/Secret'
import { toast } from '~/ui/Toast'
import { settingsRoute } from './frame'

export const generalRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/general', component: General })

function General() {
  const { org } = generalRoute.useParams()
  const organization = useOrganization(org)
  const can = organization.attributes.permissions
  return (
    <div className="max-w-3xl space-y-4">
      <Panel title="About" padded>
        <Facts>
          <Fact name="Name">{organization.attributes.name}</Fact>
          <Fact name="Id"><Id>{organization.attributes['external-id']}</Id></Fact>
        </Facts>
      </Panel>
      <Settings org={org} />
      {can['can-update-api-token'] && <OrgToken org={org} />}
      {can['can-destroy'] && <Danger org={org} />}
    </div>
  )
}

function Settings({ org }: { org: string }) {
  const a = useOrganization(org).attributes
  const [f, setF] = useState({
    email: a.email, 'default-execution-mode': a['default-execution-mode'],
    'allow-force-delete-workspaces': a['allow-force-delete-workspaces'], 'collaborator-auth-policy': a['collaborator-auth-policy'],
  })
  const change = useChange(['organizations'], () => api.update('/organizations/{organization}', { organization: org }, body('organizations', f, undefined, org)), () => toast('The settings are saved.'))
  return (
    <Panel title="Settings" padded>
      <Form change={change} action="Save" shows={['email']}>
        <Field label="Email address" error={fieldsOf(change.error).email}><Input type="email" required value={f.email} onChange={(e) => setF({ ...f, email: e.target.value })} /></Field>
        <Field label="Runs are executed" help="Unless a project or a workspace says otherwise.">
          <Select value={f['default-execution-mode']} onChange={(e) => setF({ ...f, 'default-execution-mode': e.target.value })}>
            <option value="remote">on the server</option>
            {a['default-execution-mode'] === 'agent' && <option value="agent">on agents</option>}
            <option value="local">elsewhere: state only</option>
          </Select>
        </Field>
        <Choice label="Everybody needs a second factor" checked={f['collaborator-auth-policy'] === 'two_factor_mandatory'} onChange={(e) => setF({ ...f, 'collaborator-auth-policy': e.target.checked ? 'two_factor_mandatory' : 'password' })} />
        <Choice label="Admins of workspaces may delete what manages resources" checked={f['allow-force-delete-workspaces']} onChange={(e) => setF({ ...f, 'allow-force-delete-workspaces': e.target.checked })} />
      </Form>
    </Panel>
  )
}

function OrgToken({ org }: { org: string }) {
  const [fresh, setFresh] = useState<string>()
  const path = '/organizations/{organization}/authentication-token'
  const make = useChange([], () => api.create(path, { organization: org }, body('authentication-tokens')), ({ item }) => setFresh((item.attributes as { token?: string }).token))
  return (
    <>
      {fresh && <Secret what="The token of the organization." value={fresh} />}
      <Panel title="Token of the organization" padded>
        <div className="flex flex-wrap items-center justify-between gap-4">
          <p className="max-w-lg text-muted">It manages teams, workspaces and settings, but starts no runs. There is one: a new one ends the one before.</p>
          <Button icon="key" busy={make.isPending} onClick={() => make.mutate(undefined)}>Make a new token</Button>
        </div>
      </Panel>
    </>
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
