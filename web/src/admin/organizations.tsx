// All organizations, their limits, and their end.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { asItIs, useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { listQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Choice, Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { adminRoute, searchOf, type Search } from './frame'

type Org = Resource<'admin-organizations'>

export const adminOrganizationsRoute = createRoute({ getParentRoute: () => adminRoute, path: '/organizations', validateSearch: searchOf, component: Organizations })

function Organizations() {
  const search = adminOrganizationsRoute.useSearch()
  const navigate = adminOrganizationsRoute.useNavigate()
  const [editing, setEditing] = useState<Org>()
  const [removing, setRemoving] = useState<Org>()
  const { data, error, refetch } = useQuery(listQuery('organizations', '/admin/organizations', {}, { q: search.q, 'page[size]': 50, 'page[number]': search.page }))
  const items = data?.items as Org[] | undefined
  const remove = useChange(['organizations'], (o: Org) => api.remove('/admin/organizations/{organization}', { organization: o.id }), (_, o) => {
    setRemoving(undefined)
    toast(`${o.id} is deleted.`)
  })
  return (
    <>
      <div className="mb-4"><Late label="Search by name or email" value={search.q} onChange={(q) => void navigate({ search: (was: Search) => ({ ...was, q, page: undefined }), replace: true })} /></div>
      {error && <Failure error={error} retry={() => void refetch()} className="mb-4" />}
      <Panel>
        {!data && !error && <SkeletonRows rows={8} />}
        {items?.length === 0 && <Empty icon="building" title="No organization has this name" />}
        {items && items.length > 0 && (
          <Table
            label="Organizations"
            items={items}
            keyOf={(o) => o.id}
            columns={[
              { name: 'Name', cell: (o) => <span className="flex flex-wrap items-center gap-2"><Link to="/$org/workspaces" params={{ org: o.id }} className="font-medium hover:text-accent">{o.id}</Link>{o.attributes['is-disabled'] && <Badge tone="bad" icon="stop">closed</Badge>}</span> },
              { name: 'Email', className: 'max-md:hidden', cell: (o) => <span className="wrap-anywhere text-muted">{o.attributes['notification-email']}</span> },
              { name: 'Workspaces at most', className: 'w-44 max-sm:hidden', cell: (o) => o.attributes['workspace-limit'] || <span className="text-faint">no limit</span> },
              { name: 'Made', className: 'w-28 max-sm:hidden', cell: (o) => <Time at={o.attributes['created-at']} /> },
              {
                name: <span className="sr-only">Actions</span>, className: 'w-24 text-right whitespace-nowrap',
                cell: (o) => (
                  <>
                    <IconButton small icon="pencil" label={`Change ${o.id}`} onClick={() => setEditing(o)} />
                    <IconButton small icon="trash" label={`Delete ${o.id}`} onClick={() => setRemoving(o)} />
                  </>
                ),
              },
            ]}
          />
        )}
      </Panel>
      {data && <Pages at={data.pagination} what="organization" onPage={(page) => void navigate({ search: { ...search, page } })} />}
      {editing && <Edit org={asItIs(items, editing)} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Confirm title={`Delete ${removing.id}?`} action="Delete for ever" typed={removing.id} busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing)} onClose={() => setRemoving(undefined)}>
          <p>With all its workspaces, states, runs, teams and modules. What they manage stays in the world, unmanaged. This cannot be undone.</p>
        </Confirm>
      )}
    </>
  )
}

function Edit({ org: o, onClose }: { org: Org; onClose: () => void }) {
  const a = o.attributes
  const draft = useDraft({ limit: String(a['workspace-limit'] ?? ''), plan: a['plan-timeout'] ?? '', apply: a['apply-timeout'] ?? '', disabled: a['is-disabled'], modules: a['global-module-sharing'], providers: a['global-provider-sharing'] })
  const f = draft.values
  const change = useChange(
    ['organizations'],
    () => api.update('/admin/organizations/{organization}', { organization: o.id }, body('organizations', {
      'workspace-limit': f.limit === '' ? null : Number(f.limit), 'plan-timeout': f.plan, 'apply-timeout': f.apply, 'is-disabled': f.disabled, 'global-module-sharing': f.modules, 'global-provider-sharing': f.providers,
    }, undefined, o.id)),
    () => {
      onClose()
      toast(`${o.id} is changed.`)
    },
  )
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title={`Change ${o.id}`} action="Save" change={change} draft={draft} names={{ limit: 'how many workspaces it may have', plan: 'how long a plan may take', apply: 'how long an apply may take', disabled: 'whether it is closed', modules: 'its modules', providers: 'its providers' }} onClose={onClose}>
      <Field label="Workspaces at most" optional help="Empty: as many as it wants." error={wrong['workspace-limit']}><Input type="number" min={0} className="max-w-40" value={f.limit} onChange={(e) => draft.set({ limit: e.target.value })} /></Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="A plan may take" optional help="Such as 2h or 30m." error={wrong['plan-timeout']}><Input value={f.plan} onChange={(e) => draft.set({ plan: e.target.value })} /></Field>
        <Field label="An apply may take" optional help="Such as 24h." error={wrong['apply-timeout']}><Input value={f.apply} onChange={(e) => draft.set({ apply: e.target.value })} /></Field>
      </div>
      <Choice label="Shares its modules with all organizations" checked={f.modules} onChange={(e) => draft.set({ modules: e.target.checked })} />
      <Choice label="Shares its providers with all organizations" checked={f.providers} onChange={(e) => draft.set({ providers: e.target.checked })} />
      <Choice label="Closed" help="Nobody gets in but site administrators; everything is kept." checked={f.disabled} onChange={(e) => draft.set({ disabled: e.target.checked })} />
    </FormDialog>
  )
}
