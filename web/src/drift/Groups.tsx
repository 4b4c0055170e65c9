// Findings by what they have in common: where they are, or what the rule says of them.
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { count } from '~/kernel/formats'
import type { Included, Resource } from '~/kernel/jsonapi'
import { listQuery, polling } from '~/kernel/queries'
import { Failure } from '~/ui/Failure'
import { Caret } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Since } from '~/ui/Time'
import { FindingRows } from './FindingRows'
import { placeName } from './parts'
import { findingsQuery, narrowing } from './queries'
import type { FindingFilter } from './routes'
import { Severity, kinds } from './words'

export function Groups({ org, by, filter }: { org: string; by: string; filter: FindingFilter }) {
  const list = useQuery({ ...listQuery('drift-finding-groups', '/organizations/{organization}/drift-finding-groups', { organization: org }, { ...narrowing(filter), 'filter[by]': by, include: 'workspace,drift-schedule' }), ...polling })
  return (
    <Panel>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="m-4" />}
      {list.isPending && <SkeletonRows rows={6} />}
      {list.data && <ul aria-label="Groups of findings">{list.data.items.map((g) => <Group key={g.id} by={by} group={g} included={list.data.included} filter={filter} />)}</ul>}
    </Panel>
  )
}

function Group({ by, group, included, filter }: { by: string; group: Resource<'drift-finding-groups'>; included: Included; filter: FindingFilter }) {
  const { org } = useParams({ from: '/$org/drift/findings' })
  const [open, setOpen] = useState(false)
  const a = group.attributes
  const name = by === 'target' ? placeName(group, included) || a.key : (kinds[a.key]?.label ?? a.key)
  const only: FindingFilter = { ...filter, group: undefined, ...(by === 'target' ? { target: a.key } : { cause: a.key }) }
  return (
    <li className="border-b border-line last:border-0">
      <button type="button" aria-expanded={open} onClick={() => setOpen((was) => !was)} className="flex w-full flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2.5 text-left hover:bg-hover">
        <Caret open={open} />
        <Severity level={a.severity} />
        <span className="min-w-0 font-medium wrap-anywhere">{name}</span>
        <span className="ml-auto text-sm text-muted">
          {count(a['findings-count'], 'finding')}{by === 'cause' && ` in ${count(a['targets-count'], 'place')}`} · <Since at={a['first-seen-at']} />
        </span>
      </button>
      {open && (
        <div className="border-t border-line bg-sunken px-2 pb-2 sm:pl-8">
          {(a.why || a.fix) && (
            <div className="space-y-1 px-4 py-2.5 text-sm">
              {a.why && <p><strong>Why it matters.</strong> {a.why}</p>}
              {a.fix && <p><strong>What to do.</strong> {a.fix}</p>}
            </div>
          )}
          <Members org={org} only={only} bare={by === 'target'} />
        </div>
      )}
    </li>
  )
}

function Members({ org, only, bare }: { org: string; only: FindingFilter; bare: boolean }) {
  const list = useQuery({ ...findingsQuery(org, only, 1), ...polling })
  return (
    <div className="rounded-md border border-line bg-surface">
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="m-4" />}
      {list.isPending && <SkeletonRows rows={3} />}
      {list.data && <FindingRows org={org} items={list.data.items.slice(0, 25)} included={list.data.included} bare={bare} />}
      <Link to="/$org/drift/findings" params={{ org }} search={only} className="block px-4 py-2 text-sm text-accent hover:underline">{list.data && list.data.pagination.total > 25 ? `Show all ${list.data.pagination.total}` : 'Show only these'}</Link>
    </div>
  )
}
