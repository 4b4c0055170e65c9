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
  const holder = run.attributes.status === 'pending' ? refOf(workspace, 'locked-by') : undefined
  return (
    <Notice icon="clock" tone="info" role="status" className="mb-5">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1 text-text">
        {holder?.type === 'runs' && holder.id !== run.id ? <Before org={org} id={holder.id} workspace={workspace?.attributes.name ?? ''} /> : <span>{reason(run.attributes.status, holder?.type)}</span>}
        {position > 0 && <span className="text-muted">Place {position} of {queue.data?.pagination.total} in the queue of the organization.</span>}
      </div>
    </Notice>
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
