// Agent pools and the agents that are there now.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import { Tokens } from '~/identity/tokens'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, listQuery, useChange, wholeQuery } from '~/kernel/queries'
import { textIn } from '~/kernel/search'
import { Button, IconButton } from '~/ui/Button'
import { Code } from '~/ui/Copy'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Choice, Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { InOrder } from '~/ui/InOrder'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toastError } from '~/ui/Toast'
import { cx } from '~/ui/classes'
import { Doing, gone } from './Doing'
import { settingsRoute } from './frame'

type Pool = Resource<'agent-pools'>
type Agent = Resource<'agents'>

export const agentsRoute = createRoute({
  getParentRoute: () => settingsRoute,
  path: '/agents',
  validateSearch: (s: Record<string, unknown>): { pool?: string } => ({ pool: textIn(s.pool) }),
  component: Agents,
})

function Agents() {
  const { org } = agentsRoute.useParams()
  const search = agentsRoute.useSearch()
  const navigate = agentsRoute.useNavigate()
  const [creating, setCreating] = useState(false)
  const { data, error } = useQuery({ ...allQuery('agent-pools', '/organizations/{organization}/agent-pools', { organization: org }), refetchInterval: 10_000 })
  const pool = data?.find((p) => p.id === search.pool) ?? data?.[0]
  const button = <Button small icon="plus" onClick={() => setCreating(true)}>New pool</Button>
  return (
    <>
      {error && <Failure error={error} className="mb-4" />}
      {!data && !error && <Panel><SkeletonRows rows={3} /></Panel>}
      {data?.length === 0 && (
        <Panel>
          <Empty icon="agent" title="No agent pools" actions={button}>
            <p>Agents execute runs on machines of yours, where the server cannot reach. They ask it for work; it never connects to them.</p>
          </Empty>
        </Panel>
      )}
      {data && pool && (
        <div className="grid items-start gap-4 lg:grid-cols-[16rem_minmax(0,1fr)]">
          <Panel title="Pools" actions={button}>
            <ul>
              {data.map((p) => (
                <li key={p.id}>
                  <button type="button" aria-pressed={p.id === pool.id} onClick={() => void navigate({ search: { pool: p.id } })} className={cx('flex h-11 w-full items-center justify-between gap-2 px-4 text-left hover:bg-hover', p.id === pool.id && 'bg-accent-soft font-medium text-accent')}>
                    <span className="truncate">{p.attributes.name}</span>
                    <span className="shrink-0 text-sm font-normal text-muted">{count(p.attributes['agent-count'], 'agent')}</span>
                  </button>
                </li>
              ))}
            </ul>
          </Panel>
          <PoolView key={pool.id} org={org} pool={pool} />
        </div>
      )}
      {creating && <Create org={org} onClose={() => setCreating(false)} />}
    </>
  )
}

function PoolView({ org, pool }: { org: string; pool: Pool }) {
  const [deleting, setDeleting] = useState(false)
  const [page, setPage] = useState<number>()
  const agents = useQuery({ ...listQuery('agents', '/agent-pools/{id}/agents', { id: pool.id }, { include: 'workspaces', sort: '-created-at', 'page[size]': 100, 'page[number]': page }), refetchInterval: 5000 })
  const remove = useChange(['agent-pools'], () => api.remove('/agent-pools/{id}', { id: pool.id }), () => setDeleting(false))
  const forget = useChange(['agents', 'agent-pools'], (a: Agent) => api.remove('/agents/{id}', { id: a.id }))
  const list = agents.data?.items
  return (
    <InOrder className="min-w-0 space-y-4">
      <Panel title={<>{pool.attributes.name} <span className="font-normal text-muted">· {count(pool.attributes['agent-count'], 'agent')}</span></>} actions={<Button small look="danger" icon="trash" onClick={() => setDeleting(true)}>Delete</Button>}>
        {agents.error && <div className="p-4"><Failure error={agents.error} /></div>}
        {!list && !agents.error && <SkeletonRows rows={2} />}
        {list && list.length > 0 && (
          <Table
            label="Agents"
            items={list}
            keyOf={(a) => a.id}
            columns={[
              {
                name: 'Agent',
                cell: (a) => (
                  <div className="min-w-0">
                    <span className="font-medium wrap-anywhere">{a.attributes.name ?? a.id}</span>
                    <span className="block text-sm text-muted wrap-anywhere">{[a.attributes['ip-address'], a.attributes.platform, a.attributes.version].filter(Boolean).join(' · ')}</span>
                    <span className="mt-1 block sm:hidden"><Doing org={org} agent={a} workspaces={agents.data!.included} /></span>
                  </div>
                ),
              },
              { name: 'Doing', className: 'max-sm:hidden', cell: (a) => <Doing org={org} agent={a} workspaces={agents.data!.included} /> },
              { name: 'Last seen', className: 'w-28 max-sm:hidden', cell: (a) => <Time at={a.attributes['last-ping-at']} className="whitespace-nowrap" /> },
              { name: <span className="sr-only">Actions</span>, className: 'w-12 text-right', cell: (a) => gone.includes(a.attributes.status) && <IconButton small icon="cross" label={`Forget ${a.attributes.name ?? a.id}`} onClick={() => forget.mutate(a, { onError: toastError })} /> },
            ]}
          />
        )}
        {list && (page ?? 1) === 1 && !list.some((a) => !gone.includes(a.attributes.status)) && (
          <div className="p-4">
            <p className="mb-3 text-muted">No agent is running. Make a token below, then start one on a machine that reaches this server:</p>
            <Code text={`export PLUMBLINE_ADDRESS=${window.location.origin}\nexport PLUMBLINE_AGENT_TOKEN=…\nplumbline agent`} />
          </div>
        )}
      </Panel>
      {agents.data && <Pages at={agents.data.pagination} what="agent" onPage={setPage} />}
      <Tokens
        title="Tokens of the pool"
        can="Agents log in with one. It can do nothing but take runs of this pool."
        query={wholeQuery('authentication-tokens', '/agent-pools/{id}/authentication-tokens', { id: pool.id })}
        create={(document) => api.create('/agent-pools/{id}/authentication-tokens', { id: pool.id }, document)}
      />
      {deleting && (
        <Confirm title={`Delete the pool ${pool.attributes.name}?`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(undefined)} onClose={() => setDeleting(false)}>
          <p>Its agents stop, its tokens end, and workspaces that use it have nobody to run them.</p>
        </Confirm>
      )}
    </InOrder>
  )
}

function Create({ org, onClose }: { org: string; onClose: () => void }) {
  const [name, setName] = useState('')
  const [all, setAll] = useState(true)
  const change = useChange(['agent-pools'], () => api.create('/organizations/{organization}/agent-pools', { organization: org }, body('agent-pools', { name, 'organization-scoped': all })), onClose)
  return (
    <FormDialog title="New agent pool" action="Create" change={change} onClose={onClose}>
      <Field label="Name" help="Where its agents are, such as datacentre-frankfurt." error={fieldsOf(change.error).name}><Input required autoFocus value={name} onChange={(e) => setName(e.target.value)} /></Field>
      <Choice label="Every workspace of the organization may use it" help="Else none, until the API or the provider names some." checked={all} onChange={(e) => setAll(e.target.checked)} />
    </FormDialog>
  )
}
