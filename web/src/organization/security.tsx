// How people and tokens get into the organization, and for how long.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { listQuery, useChange } from '~/kernel/queries'
import { useMe, useOrganization } from '~/kernel/session'
import { Failure, Notice } from '~/ui/Failure'
import { Choice, Field, Input, Select } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'
import { settingsRoute } from './frame'

export const organizationSecurityRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/security', component: Security })

function Security() {
  const { org } = organizationSecurityRoute.useParams()
  return (
    <div className="max-w-3xl space-y-4">
      <People org={org} />
      <Lifetimes org={org} />
    </div>
  )
}

function minutes(v: string): number | null {
  return v === '' ? null : Number(v)
}

function People({ org }: { org: string }) {
  const a = useOrganization(org).attributes
  const me = useMe()
  const draft = useDraft({ factor: a['collaborator-auth-policy'] === 'two_factor_mandatory', userTokens: a['user-tokens-enabled'], idle: String(a['session-timeout'] ?? ''), all: String(a['session-remember'] ?? '') })
  const { factor, userTokens, idle, all } = draft.values
  const change = useChange(
    ['organizations'],
    () => api.update('/organizations/{organization}', { organization: org }, body('organizations', {
      'collaborator-auth-policy': factor ? 'two_factor_mandatory' : 'password', 'user-tokens-enabled': userTokens, 'session-timeout': minutes(idle), 'session-remember': minutes(all),
    }, undefined, org)),
    () => toast('The settings are saved.'),
  )
  const wrong = fieldsOf(change.error)
  const without = me.attributes['two-factor']?.verified !== true
  return (
    <Panel title="People" padded>
      <Form change={change} draft={draft} names={{ factor: 'the second factor', userTokens: 'tokens of people', idle: 'when who is idle is logged out', all: 'when everybody is logged out' }} action="Save">
        <Choice label="Require a second factor" help="People without one see nothing of the organization until they have set one up." checked={factor} onChange={(e) => draft.set({ factor: e.target.checked })} />
        {factor && without && <Notice tone="warn" icon="warning">Set up <TextLink to="/profile/security">your own second factor</TextLink> first, or you would lock yourself out.</Notice>}
        <Choice label="People may use tokens of their own" help="If not, only browsers and the tokens of teams and of the organization get in: terraform login does not work." checked={userTokens} onChange={(e) => draft.set({ userTokens: e.target.checked })} />
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label="Log out when idle for" optional help="Minutes. Empty: two weeks, as the server does." error={wrong['session-timeout']}>
            <Input type="number" min={1} value={idle} onChange={(e) => draft.set({ idle: e.target.value })} />
          </Field>
          <Field label="Log out in any case after" optional help="Minutes. Empty: never, as long as it is used." error={wrong['session-remember']}>
            <Input type="number" min={1} value={all} onChange={(e) => draft.set({ all: e.target.value })} />
          </Field>
        </div>
      </Form>
    </Panel>
  )
}

const kinds = [
  { type: 'user', label: 'Tokens of people' },
  { type: 'team', label: 'Tokens of teams' },
  { type: 'organization', label: 'The token of the organization' },
  { type: 'audit_trails', label: 'The token of the audit trail' },
]

const day = 86_400_000
const terms: readonly [number, string][] = [[day, 'a day'], [7 * day, 'a week'], [30 * day, '30 days'], [90 * day, '90 days'], [365 * day, 'a year'], [63_113_904_000, 'two years']]

/** Lifetimes are how long tokens may live, by what they stand for. */
function Lifetimes({ org }: { org: string }) {
  const a = useOrganization(org).attributes
  const { data, error } = useQuery(listQuery('organization-token-ttl-policies', '/organizations/{organization}/token-ttl-policies', { organization: org }))
  return (
    <Panel title="How long tokens live" padded>
      {error && <Failure error={error} />}
      {!data && !error && <SkeletonRows rows={3} />}
      {data && <Terms org={org} on={a['max-ttl-enabled']} policies={data.items} />}
    </Panel>
  )
}

function Terms({ org, on, policies }: { org: string; on: boolean; policies: Resource<'organization-token-ttl-policies'>[] }) {
  const now = Object.fromEntries(kinds.map((k) => [k.type, policies.find((p) => p.attributes['token-type'] === k.type)?.attributes['max-ttl-ms'] ?? 63_113_904_000]))
  const draft = useDraft<{ limited: boolean; [kind: string]: number | boolean }>({ limited: on, ...now })
  const { limited, ...ttl } = draft.values
  const change = useChange(['organizations', 'organization-token-ttl-policies'], async () => {
    if (limited) await api.update('/organizations/{organization}/token-ttl-policies', { organization: org }, body('organization-token-ttl-policies', { 'token-ttl-policies': kinds.map((k) => ({ 'token-type': k.type, 'max-ttl-ms': ttl[k.type] })) }))
    return api.update('/organizations/{organization}', { organization: org }, body('organizations', { 'max-ttl-enabled': limited }, undefined, org))
  }, () => toast('The lifetimes are saved. They count for new tokens.'))
  return (
    <Form change={change} draft={draft} names={{ limited: 'whether they are limited', ...Object.fromEntries(kinds.map((k) => [k.type, k.label.toLowerCase()])) }} action="Save">
      <Choice label="Limit how long new tokens live" help="A token that should live longer is refused. Tokens that exist are not touched." checked={limited} onChange={(e) => draft.set({ limited: e.target.checked })} />
      {limited && (
        <div className="grid gap-4 sm:grid-cols-2">
          {kinds.map((k) => (
            <Field key={k.type} label={k.label}>
              <Select value={Number(ttl[k.type])} onChange={(e) => draft.set({ [k.type]: Number(e.target.value) })}>
                {!terms.some(([ms]) => ms === ttl[k.type]) && <option value={Number(ttl[k.type])}>{Math.round(Number(ttl[k.type]) / day)} days</option>}
                {terms.map(([ms, label]) => <option key={ms} value={ms}>{label}</option>)}
              </Select>
            </Field>
          ))}
        </div>
      )}
    </Form>
  )
}
