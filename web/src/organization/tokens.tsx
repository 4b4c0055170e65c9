// The tokens of an organization: one that manages it, one that reads its audit trail, and
// those of its teams.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, oneOf, refOf, type Resource } from '~/kernel/jsonapi'
import { Problem, fieldsOf } from '~/kernel/problem'
import { Ends, Lifetime } from '~/identity/lifetimes'
import { useChange, wholeQuery } from '~/kernel/queries'
import { inDays } from '~/kernel/times'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Failure } from '~/ui/Failure'
import { FormDialog } from '~/ui/Form'
import { InOrder } from '~/ui/InOrder'
import { Fact, Facts, Panel } from '~/ui/Page'
import { Secret } from '~/ui/Secret'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { settingsRoute } from './frame'
import { teamsQuery } from './team'

export const organizationTokensRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/tokens', component: OrganizationTokens })

function OrganizationTokens() {
  const { org } = organizationTokensRoute.useParams()
  return (
    <InOrder className="max-w-4xl space-y-4">
      <One org={org} title="Token of the organization" about="It manages teams, workspaces and settings, but starts no runs. There is only one: a new one replaces the one before." />
      <One org={org} kind="audit-trails" title="Token of the audit trail" about="It reads the audit trail and nothing else: for your collector of logs, at /api/v2/organization/audit-trail." />
      <OfTeams org={org} />
    </InOrder>
  )
}

type Token = Resource<'authentication-tokens'>
type OneProps = { org: string; kind?: 'audit-trails'; title: string; about: string }

function One({ org, kind, title, about }: OneProps) {
  const address = api.address('/organizations/{organization}/authentication-token', { organization: org }, { token: kind })
  const { data, error } = useQuery({
    queryKey: ['authentication-tokens', 'one', address],
    queryFn: async ({ signal }) => {
      try {
        return { token: oneOf<'authentication-tokens'>(await api.send('GET', address, undefined, signal)).item as Token | undefined }
      } catch (err) {
        if (err instanceof Problem && err.status === 404) return { token: undefined }
        throw err
      }
    },
  })
  const [open, setOpen] = useState<'make' | 'revoke'>()
  const [fresh, setFresh] = useState<string>()
  const revoke = useChange(['authentication-tokens'], () => api.send('DELETE', address), () => {
    setOpen(undefined)
    setFresh(undefined)
    toast('The token is revoked.')
  })
  const token = data?.token
  return (
    <>
      {fresh && <Secret what={`${title}.`} value={fresh} />}
      <Panel title={title} padded>
        <p className="mb-3 max-w-2xl text-muted">{about}</p>
        {error && <Failure error={error} />}
        {!data && !error && <Skeleton className="h-8 w-64" />}
        {token && (
          <Facts className="mb-4">
            <Fact name="Made"><Time at={token.attributes['created-at']} /></Fact>
            <Fact name="Last used"><Time at={token.attributes['last-used-at']} /></Fact>
            <Fact name="Ends"><Ends at={token.attributes['expired-at']} /></Fact>
          </Facts>
        )}
        {data && (
          <div className="flex flex-wrap gap-2">
            <Button icon="key" aria-label={`${token ? 'Replace it…' : 'Make it…'} ${title}`} onClick={() => setOpen('make')}>{token ? 'Replace it…' : 'Make it…'}</Button>
            {token && <Button look="danger" icon="trash" aria-label={`Revoke the ${title.toLowerCase()}`} onClick={() => setOpen('revoke')}>Revoke</Button>}
          </div>
        )}
      </Panel>
      {open === 'make' && (
        <Make
          title={title} address={address} replaces={token !== undefined} onClose={() => setOpen(undefined)}
          onMade={(secret) => {
            setOpen(undefined)
            setFresh(secret)
          }}
        />
      )}
      {open === 'revoke' && (
        <Confirm title={`Revoke the ${title.toLowerCase()}?`} action="Revoke" busy={revoke.isPending} error={revoke.error} onConfirm={() => revoke.mutate(undefined)} onClose={() => setOpen(undefined)}>
          <p>What uses it stops working at once.</p>
        </Confirm>
      )}
    </>
  )
}

function Make({ title, address, replaces, onMade, onClose }: { title: string; address: string; replaces: boolean; onMade: (secret: string) => void; onClose: () => void }) {
  const [days, setDays] = useState('365')
  const change = useChange(
    ['authentication-tokens'],
    async () => oneOf<'authentication-tokens'>(await api.send('POST', address, body('authentication-tokens', { 'expired-at': inDays(days) }))),
    ({ item }) => onMade(item.attributes.token ?? ''),
  )
  return (
    <FormDialog title={title} action={replaces ? 'Replace it' : 'Make it'} change={change} onClose={onClose}>
      {replaces && <p className="text-muted">The token that there is stops working at once.</p>}
      <Lifetime days={days} error={fieldsOf(change.error)['expired-at']} most={['730', 'two years']} onChange={setDays} />
    </FormDialog>
  )
}

function OfTeams({ org }: { org: string }) {
  const teams = useQuery(teamsQuery(org))
  const { data, error } = useQuery(wholeQuery('authentication-tokens', '/organizations/{organization}/team-tokens', { organization: org }))
  const nameOf = (t: Token) => teams.data?.find((x) => x.id === refOf(t, 'team')?.id)?.attributes.name ?? refOf(t, 'team')?.id ?? ''
  return (
    <Panel title="Tokens of teams">
      {error && <div className="p-4"><Failure error={error} /></div>}
      {((!data && !error) || teams.isPending) && <SkeletonRows rows={2} />}
      {data?.items.length === 0 && <p className="px-4 py-3 text-muted">No team has one. They are made on the pages of teams, and can do what the team may.</p>}
      {data && data.items.length > 0 && !teams.isPending && (
        <Table
          label="Tokens of teams"
          items={data.items}
          keyOf={(t) => t.id}
          columns={[
            { name: 'Team', cell: (t) => <Link to="/$org/settings/teams/$team" params={{ org, team: refOf(t, 'team')?.id ?? '' }} className="font-medium hover:text-accent">{nameOf(t)}</Link> },
            { name: 'Description', cell: (t) => <span className="wrap-anywhere">{t.attributes.description ?? <span className="text-muted">no description</span>}</span> },
            { name: 'Last used', className: 'w-32 max-sm:hidden', cell: (t) => <Time at={t.attributes['last-used-at']} /> },
            { name: 'Expires', className: 'w-32', cell: (t) => <Ends at={t.attributes['expired-at']} /> },
          ]}
        />
      )}
    </Panel>
  )
}
