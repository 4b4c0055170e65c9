// Work in the background that failed: what is tried again, and what was given up.
import { useQuery } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { moment } from '~/kernel/formats'
import type { Resource } from '~/kernel/jsonapi'
import { listQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Code } from '~/ui/Copy'
import { Actions, Dialog } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'
import { adminRoute } from './frame'

type Job = Resource<'failed-jobs'>

export const adminJobsRoute = createRoute({ getParentRoute: () => adminRoute, path: '/jobs', component: Jobs })

function Jobs() {
  const [shown, setShown] = useState<Job>()
  const { data, error, refetch } = useQuery({ ...listQuery('failed-jobs', '/admin/failed-jobs', {}), refetchInterval: 10_000 })
  const retry = useChange(['failed-jobs'], (j: Job) => api.send('POST', api.address('/admin/failed-jobs/{id}/actions/retry', { id: j.id })), () => {
    setShown(undefined)
    toast('The job is tried again now.')
  })
  const again = (j: Job) => retry.mutate(j, { onError: toastError })
  return (
    <Panel title="Jobs that failed">
      {error && <div className="p-4"><Failure error={error} retry={() => void refetch()} /></div>}
      {!data && !error && <SkeletonRows rows={3} />}
      {data?.items.length === 0 && <Empty icon="check" title="Nothing has failed"><p>Mail, webhooks, states and archives are worked on in the background. What fails is tried again, and shown here; what was given up stays for a week.</p></Empty>}
      {data && data.items.length > 0 && (
        <Table
          label="Failed jobs"
          items={data.items}
          keyOf={(j) => j.id}
          columns={[
            { name: 'Kind', className: 'w-44', cell: (j) => <code className="font-mono text-sm wrap-anywhere">{j.attributes.kind}</code> },
            { name: 'Error', cell: (j) => <button type="button" onClick={() => setShown(j)} className="line-clamp-2 text-left wrap-anywhere hover:text-accent">{j.attributes.error}</button> },
            { name: 'Failed', className: 'w-28 max-sm:hidden', cell: (j) => <Time at={j.attributes['failed-at']} className="whitespace-nowrap" /> },
            { name: 'Next', className: 'w-36 max-sm:hidden', cell: (j) => (j.attributes['next-at'] ? <span className="text-sm text-muted">attempt {j.attributes.attempt + 1} of {j.attributes.attempts}, <Time at={j.attributes['next-at']} /></span> : <Badge tone="bad" icon="stop">given up</Badge>) },
            { name: <span className="sr-only">Actions</span>, className: 'w-28 text-right', cell: (j) => <Button small icon="refresh" aria-label={`Try now: ${j.attributes.kind}`} onClick={() => again(j)}>Try now</Button> },
          ]}
        />
      )}
      {shown && (
        <Dialog title={shown.attributes.kind} wide onClose={() => setShown(undefined)}>
          <p className="mb-3 text-muted">Attempt {shown.attributes.attempt} of {shown.attributes.attempts} failed at {moment(shown.attributes['failed-at'])}.</p>
          <Code text={shown.attributes.error} />
          <Actions>
            <Button onClick={() => setShown(undefined)}>Close</Button>
            <Button look="primary" icon="refresh" busy={retry.isPending} onClick={() => again(shown)}>Try now</Button>
          </Actions>
        </Dialog>
      )}
    </Panel>
  )
}
