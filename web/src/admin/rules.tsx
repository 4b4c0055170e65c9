// Who may create organizations, how many requests tokens make, how long runs take.
import { useQuery } from '@tanstack/react-query'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { readQuery, useChange } from '~/kernel/queries'
import { Failure } from '~/ui/Failure'
import { Choice, Field, Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { toast } from '~/ui/Toast'

export const rulesQuery = readQuery('general-settings', '/admin/general-settings', {})

export function Rules() {
  const { data, error, refetch } = useQuery(rulesQuery)
  return (
    <Panel title="Rules" padded>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <RulesForm settings={data.item} />}
    </Panel>
  )
}

const names = { founders: 'who creates organizations', shared: 'what new workspaces share', limited: 'whether requests are limited', rate: 'how many requests there may be', plan: 'how long a plan may take', apply: 'how long an apply may take' }

function RulesForm({ settings }: { settings: Resource<'general-settings'> }) {
  const a = settings.attributes
  const draft = useDraft({ founders: a['limit-user-organization-creation'], limited: a['api-rate-limiting-enabled'], rate: String(a['api-rate-limit']), shared: a['default-remote-state-access'], plan: a['plan-timeout'], apply: a['apply-timeout'] })
  const f = draft.values
  const change = useChange(
    ['general-settings', 'installations', 'users'],
    () => api.update('/admin/general-settings', {}, body('general-settings', {
      'limit-user-organization-creation': f.founders, 'api-rate-limiting-enabled': f.limited, 'default-remote-state-access': f.shared, 'plan-timeout': f.plan, 'apply-timeout': f.apply,
      ...(f.limited && { 'api-rate-limit': Number(f.rate) }),
    }, undefined, settings.id)),
    () => toast('The rules are saved, and count from now on.'),
  )
  const wrong = fieldsOf(change.error)
  return (
    <Form change={change} draft={draft} names={names} action="Save rules">
      <Choice label="Only site administrators create organizations" checked={f.founders} onChange={(e) => draft.set({ founders: e.target.checked })} />
      <Choice label="New workspaces share their state" help="Every workspace of the organization may read it, unless whoever creates the workspace says otherwise." checked={f.shared} onChange={(e) => draft.set({ shared: e.target.checked })} />
      <Choice label="Limit how many requests each token makes" help="Requests above the limit are answered with status 429, and clients wait. Each browser session counts like a token." checked={f.limited} onChange={(e) => draft.set({ limited: e.target.checked })} />
      {f.limited && (
        <Field label="Requests a second" help="From 30. HCP Terraform has 30." error={wrong['api-rate-limit']} className="pl-6.5">
          <Input type="number" required min={30} max={100000} className="max-w-40" value={f.rate} onChange={(e) => draft.set({ rate: e.target.value })} />
        </Field>
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="A plan may take" help="Such as 2h or 30m." error={wrong['plan-timeout']}><Input required value={f.plan} onChange={(e) => draft.set({ plan: e.target.value })} /></Field>
        <Field label="An apply may take" help="Such as 24h." error={wrong['apply-timeout']}><Input required value={f.apply} onChange={(e) => draft.set({ apply: e.target.value })} /></Field>
      </div>
      <p className="text-sm text-muted">What you set for one organization comes before these two limits.</p>
    </Form>
  )
}
