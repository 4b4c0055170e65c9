import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { refOf, type Resource } from '~/kernel/jsonapi'
import { readQuery } from '~/kernel/queries'
import { Notice } from '~/ui/Failure'
import { RunStatus } from '../status'
import { queueQuery } from './queries'

/** Queue says what a run waits for: the run before it in its workspace, or an executor. */
export function Queue({ org, run, workspace }: { org: string; run: Resource<'runs'>; workspace: Resource<'workspaces'> | undefined }) {
  const queue = useQuery(queueQuery(org))
  const position = (queue.data?.items.findIndex((r) => r.id === run.id) ?? -1) + 1
  const ahead = position > 1 ? (queue.data?.items ?? []).slice(0, position - 1) : []
  const holder = run.attributes.status === 'pending' ? refOf(workspace, 'locked-by') : undefined
  return (
    <Notice icon="clock" tone="info" role="status" className="mb-5">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1 text-text">
        {holder?.type === 'runs' && holder.id !== run.id ? <Before org={org} id={holder.id} workspace={workspace?.attributes.name ?? ''} /> : <span>{reason(run.attributes.status, holder?.type)}</span>}
        {position > 0 && <span className="text-muted">Place {position} of {queue.data?.pagination.total} in the queue of the organization.</span>}
      </div>
      {ahead.length > 0 && (
        <details className="mt-1.5 text-text">
          <summary className="cursor-pointer text-sm text-muted hover:text-text">What is ahead</summary>
          <ol aria-label="Runs ahead" className="mt-1.5 space-y-1">
            {ahead.slice(-most).map((r) => <Ahead key={r.id} org={org} run={r} name={queue.data?.included.get('workspaces', refOf(r, 'workspace')?.id)?.attributes.name} />)}
          </ol>
          {ahead.length > most && <p className="mt-1 text-sm text-muted">and {ahead.length - most} before these</p>}
        </details>
      )}
    </Notice>
  )
}

/** most is how many runs ahead are named. */
const most = 8

function Ahead({ org, run, name }: { org: string; run: Resource<'runs'>; name: string | undefined }) {
  return (
    <li className="flex min-w-0 flex-wrap items-center gap-x-2">
      <span className="w-10 text-right text-sm text-muted tabular">{run.attributes['position-in-queue'] || ''}</span>
      <Link to="/$org/runs/$run" params={{ org, run: run.id }} className="min-w-0 truncate underline underline-offset-2">{run.attributes.message}</Link>
      {name && <span className="text-sm text-muted">{name}</span>}
      <RunStatus status={run.attributes.status} />
    </li>
  )
}

function reason(status: string, lockedBy: string | undefined): string {
  if (status === 'pending' && lockedBy === 'users') return 'The workspace is locked by a person. The run begins when it is unlocked.'
  if (status === 'pending') return 'Another run of this workspace comes first.'
  return 'An executor takes this run as soon as one is free.'
}

function Before({ org, id, workspace }: { org: string; id: string; workspace: string }) {
  const before = useQuery(readQuery('runs', '/runs/{id}', { id }))
  return (
    <span className="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-1">
      Waits for
      <Link to="/$org/workspaces/$workspace/runs/$run" params={{ org, workspace, run: id }} className="font-medium underline underline-offset-2">{before.data?.item.attributes.message ?? id}</Link>
      {before.data && <RunStatus status={before.data.item.attributes.status} />}
    </span>
  )
}
