// Browsers in which somebody is logged in: one's own, and for administrators those of others.
import { useQuery, type UseQueryOptions } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import type { Page as List, Resource } from '~/kernel/jsonapi'
import { listQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'
import { deviceOf } from './device'

type Session = Resource<'sessions'>

/** YourSessions lists where the user is logged in, and logs browsers out. */
export function YourSessions() {
  const { data, error, refetch } = useQuery(listQuery('sessions', '/account/sessions', {}))
  const [asking, setAsking] = useState(false)
  const end = useChange(['sessions'], (s: Session) => api.remove('/account/sessions/{id}', { id: s.id }), () => toast('The browser is logged out.'))
  const all = useChange(['sessions'], () => api.remove('/account/sessions', {}), () => {
    setAsking(false)
    toast('All other browsers are logged out.')
  })
  const others = data?.items.filter((s) => !s.attributes.current) ?? []
  return (
    <Panel title="Where you are logged in" actions={others.length > 0 && <Button small look="danger" onClick={() => setAsking(true)}>Log out everywhere else</Button>}>
      {error && <div className="p-4"><Failure error={error} retry={() => void refetch()} /></div>}
      {!data && !error && <SkeletonRows rows={2} />}
      {data && <SessionTable items={data.items} end={(s) => end.mutate(s, { onError: toastError })} />}
      {asking && (
        <Confirm title="Log out everywhere else?" action="Log out" busy={all.isPending} error={all.error} onConfirm={() => all.mutate(undefined)} onClose={() => setAsking(false)}>
          <p>Every browser but this one has to log in again. Tokens of command lines keep working.</p>
        </Confirm>
      )}
    </Panel>
  )
}

function SessionTable({ items, end }: { items: Session[]; end?: (s: Session) => void }) {
  return (
    <Table
      label="Sessions"
      items={items}
      keyOf={(s) => s.id}
      columns={[
        {
          name: 'Browser',
          cell: (s) => (
            <span title={s.attributes['user-agent']} className="flex flex-wrap items-center gap-2">
              <span className="font-medium">{deviceOf(s.attributes['user-agent'])}</span>
              {s.attributes.current && <Badge tone="ok" icon="check">this one</Badge>}
              <span className="w-full text-sm text-muted sm:hidden">{s.attributes['ip-address'] || 'address unknown'} · <Time at={s.attributes['last-seen-at']} /></span>
            </span>
          ),
        },
        { name: 'Address', className: 'w-40 max-sm:hidden', cell: (s) => <code className="font-mono text-sm">{s.attributes['ip-address'] || 'unknown'}</code> },
        { name: 'Logged in', className: 'w-32 max-md:hidden', cell: (s) => <Time at={s.attributes['created-at']} /> },
        { name: 'Last seen', className: 'w-32 max-sm:hidden', cell: (s) => <Time at={s.attributes['last-seen-at']} /> },
        ...(end
          ? [{ name: <span className="sr-only">Actions</span>, className: 'w-24 text-right', cell: (s: Session) => !s.attributes.current && <Button small look="quiet" aria-label={`Log out ${deviceOf(s.attributes['user-agent'])}`} onClick={() => end(s)}>Log out</Button> }]
          : []),
      ]}
    />
  )
}

/** SessionsOf shows the sessions that a query finds. */
export function SessionsOf({ query }: { query: UseQueryOptions<List<'sessions'>, Error, List<'sessions'>, readonly unknown[]> }) {
  const { data, error } = useQuery(query as UseQueryOptions<List<'sessions'>>)
  if (error) return <Failure error={error} />
  if (!data) return <SkeletonRows rows={2} />
  if (data.items.length === 0) return <Empty icon="user" title="Logged in nowhere" className="py-8!" />
  return <SessionTable items={data.items} />
}
