// Every workspace with its health, as the explorer has it.
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { pageSize, useLongList } from '~/kernel/longlist'
import { listQuery, polling, useChange } from '~/kernel/queries'
import { count } from '~/kernel/formats'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Filters } from '~/ui/Filters'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { VirtualRows } from '~/ui/Table'
import { toast, toastError } from '~/ui/Toast'
import { cx } from '~/ui/classes'
import { Download, OneOf } from './parts'
import type { FleetFilter } from './routes'
import { Health, healths } from './words'

const at = '/$org/drift/workspaces'
const sorts = [['-resources_drifted', 'Most drifted'], ['-checks_failed', 'Most failing checks'], ['-workspace_resource_count', 'Most resources'], ['-workspace_name', 'Name, backwards']] as const

export function Fleet() {
  const { org } = useParams({ from: at })
  const f = useSearch({ from: at })
  const navigate = useNavigate({ from: at })
  const set = useCallback((change: FleetFilter) => void navigate({ search: (was) => ({ ...was, ...change }), replace: true }), [navigate])
  const list = useLongList<'visibility-workspace'>((page) => ({ ...listQuery('visibility-workspaces', '/organizations/{organization}/explorer', { organization: org }, { ...narrowing(f), 'page[number]': page, 'page[size]': pageSize }), ...polling }), JSON.stringify(f))
  const narrowed = Boolean(f.q || f.health || f.checks || f.drifted)
  return (
    <>
      <Filters
        active={[f.health, f.drifted, f.checks].filter(Boolean).length}
        search={<Late label="Search by name" value={f.q} onChange={(q) => set({ q })} />}
        choices={<>
        <OneOf label="Health" all="Any health" value={f.health} options={Object.entries(healths).map(([v, look]) => [v, look.label] as const)} onChange={(health) => set({ health })} />
        <OneOf label="Drift" all="Drifted or not" value={f.drifted} options={[['true', 'Drifted'], ['false', 'Not drifted']]} onChange={(drifted) => set({ drifted })} />
        <OneOf label="Checks" all="Any checks" value={f.checks} options={[['true', 'All pass'], ['false', 'Some do not pass']]} onChange={(checks) => set({ checks })} />
        <OneOf label="Order" all="Name" value={f.sort} options={sorts} onChange={(sort) => set({ sort })} />
        <Download label="CSV" href={api.address('/organizations/{organization}/explorer/export/csv', { organization: org }, narrowing(f))} />
        </>}
      />
      {list.error && <Failure error={list.error} retry={list.retry} className="mb-4" />}
      <Panel className={cx(list.stale && 'opacity-60 transition-opacity')}>
        {list.loading && <SkeletonRows rows={8} />}
        {!list.loading && !list.error && list.total === 0 && (narrowed
          ? <Empty icon="search" title="No workspace is like that" actions={<Button onClick={() => void navigate({ search: {} })}>Clear all filters</Button>} />
          : <Empty icon="workspace" title="No workspaces yet"><p>Health assessments are of workspaces.</p></Empty>)}
        {list.total > 0 && <VirtualRows label="Workspaces" count={list.total} height={60} onRange={list.onRange} row={(i) => <Row org={org} item={list.at(i).item} />} />}
      </Panel>
    </>
  )
}

function narrowing(f: FleetFilter): api.Query {
  return {
    type: 'workspaces', sort: f.sort ?? 'workspace_name', 'filter[0][workspace_name][contains][0]': f.q, 'filter[1][health_state][is][0]': f.health,
    'filter[2][drifted][is][0]': f.drifted, 'filter[3][all_checks_succeeded][is][0]': f.checks,
  }
}

function Row({ org, item }: { org: string; item: Resource<'visibility-workspace'> | undefined }) {
  if (!item) return <div className="flex h-15 items-center border-b border-line px-4"><Skeleton className="h-4 w-56" /></div>
  const a = item.attributes
  const checks = (a['checks-passed'] ?? 0) + (a['checks-failed'] ?? 0) + (a['checks-errored'] ?? 0) + (a['checks-unknown'] ?? 0)
  const wrong = (a['checks-failed'] ?? 0) + (a['checks-errored'] ?? 0)
  return (
    <div className="flex h-15 items-center gap-4 border-b border-line px-4 hover:bg-hover">
      <div className="min-w-0 flex-1">
        <Link to="/$org/workspaces/$workspace/health" params={{ org, workspace: a['workspace-name'] ?? '' }} className="block truncate font-medium hover:text-accent">{a['workspace-name']}</Link>
        <span className="block truncate text-sm text-muted">
          {a['project-name']} · {a.drifted === undefined ? count(a['workspace-resource-count'] ?? 0, 'resource') : `${a['resources-drifted'] ?? 0} of ${count((a['resources-drifted'] ?? 0) + (a['resources-undrifted'] ?? 0), 'resource')} drifted`}
          {checks > 0 && ` · ${wrong > 0 ? `${wrong} of ${count(checks, 'check')} do not pass` : `${count(checks, 'check')} pass`}`}
        </span>
      </div>
      <span className={cx(a['health-state'] === 'disabled' && a.permissions?.['can-manage-assessments'] && 'max-sm:hidden')}><Health state={a['health-state'] ?? 'unknown'} /></span>
      {a['health-state'] === 'disabled' && a.permissions?.['can-manage-assessments'] && <TurnOn id={item.id} name={a['workspace-name'] ?? ''} />}
    </div>
  )
}

/** TurnOn turns assessments on where nobody looks yet. */
function TurnOn({ id, name }: { id: string; name: string }) {
  const turn = useChange(['visibility-workspaces', 'workspaces', 'drift-summaries'], () => api.update('/workspaces/{id}', { id }, body('workspaces', { 'assessments-enabled': true })), () => toast(`Assessments of ${name} are on.`))
  return <Button small busy={turn.isPending} aria-label={`Turn on assessments of ${name}`} onClick={() => turn.mutate(undefined, { onError: toastError })}>Turn on</Button>
}
