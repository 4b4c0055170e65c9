// The findings of an organization, narrowed by what the address says: thousands, of which
// only those in view are read.
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { useLongList } from '~/kernel/longlist'
import { useNarrow } from '~/kernel/narrow'
import { polling } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Menu } from '~/ui/Menu'
import { Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { VirtualRows } from '~/ui/Table'
import { Since } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { Bulk } from './Bulk'
import { mayOperate, useOperateDrift } from './Decide'
import { FindingFilters } from './FindingFilters'
import { FindingAddress } from './FindingRows'
import { Groups } from './Groups'
import { Place } from './parts'
import { findingsQuery, narrowing } from './queries'
import type { FindingFilter } from './routes'
import { FindingStatus, Severity, kinds } from './words'

const at = '/$org/drift/findings'
const formats = [['csv', 'CSV, for spreadsheets'], ['json', 'JSON'], ['sarif', 'SARIF, for code scanners']] as const

export function Findings() {
  const { org } = useParams({ from: at })
  const filter = useSearch({ from: at })
  const navigate = useNavigate({ from: at })
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const set = useCallback(
    (change: FindingFilter) => {
      setPicked(new Set())
      void navigate({ search: (was) => ({ ...was, ...change }), replace: true })
    },
    [navigate],
  )
  const operates = useOperateDrift(org)
  const narrow = useNarrow()
  const list = useLongList<'drift-findings'>((page) => ({ ...findingsQuery(org, filter, page), ...polling }), JSON.stringify(filter))
  const narrowed = Object.entries(filter).some(([k, v]) => v && k !== 'sort' && k !== 'group')
  function toggle(id: string) {
    setPicked((was) => {
      const next = new Set(was)
      if (!next.delete(id)) next.add(id)
      return next
    })
  }
  return (
    <>
      <FindingFilters org={org} filter={filter} onChange={set} />
      <div className="mb-2 flex min-h-8 flex-wrap items-center justify-between gap-2">
        <p className="text-muted" aria-live="polite">{list.loading ? ' ' : count(list.total, 'finding')}</p>
        <Menu
          label="Export"
          align="end"
          className="touch inline-flex h-8 items-center gap-1.5 rounded-md border border-line bg-surface px-3 shadow-low hover:border-line-strong hover:bg-hover"
          trigger="Export"
          items={formats.map(([format, label]) => ({ label, icon: 'download' as const, onSelect: () => window.location.assign(api.address('/organizations/{organization}/drift-export', { organization: org }, { ...narrowing(filter), format })) }))}
        />
      </div>
      {list.error && <Failure error={list.error} retry={list.retry} className="mb-4" />}
      {filter.group && !list.loading && list.total > 0 ? (
        <Groups org={org} by={filter.group} filter={filter} />
      ) : (
        <Panel className={cx('transition-opacity', list.stale && 'opacity-60')}>
          {list.loading && <SkeletonRows rows={8} />}
          {!list.loading && !list.error && list.total === 0 && (narrowed
            ? <Empty icon="search" title="No finding is like that" actions={<Button onClick={() => void navigate({ search: {} })}>Clear all filters</Button>} />
            : <Empty icon="check" title="Nothing differs"><p>What was looked at is as it was applied.</p></Empty>)}
          {list.total > 0 && (
            <VirtualRows
              label="Findings"
              count={list.total}
              height={narrow ? 92 : 68}
              onRange={list.onRange}
              row={(i) => <VirtualRow org={org} {...list.at(i)} picked={picked} onPick={toggle} operates={operates} />}
            />
          )}
        </Panel>
      )}
      {picked.size > 0 && <Bulk org={org} filter={filter} total={list.total} picked={picked} onPick={setPicked} />}
    </>
  )
}

type VirtualRowProps = { org: string; item: Resource<'drift-findings'> | undefined; included: Included; picked: ReadonlySet<string>; onPick: (id: string) => void; operates: boolean }

function VirtualRow({ org, item, included, picked, onPick, operates }: VirtualRowProps) {
  if (!item) return <div className="flex h-full items-center border-b border-line px-4"><Skeleton className="h-4 w-64" /></div>
  const a = item.attributes
  const assigned = included.get('users', refOf(item, 'assigned-to')?.id)?.attributes.username
  return (
    <div className={cx('flex h-full items-center gap-3 border-b border-line px-4 hover:bg-hover', picked.has(item.id) && 'bg-accent-soft')}>
      {mayOperate(operates, item, included) && a.status !== 'resolved' && <input type="checkbox" aria-label={`Select ${a.address} ${a.path ?? ''}`.trim()} className="size-4 shrink-0 accent-accent" checked={picked.has(item.id)} onChange={() => onPick(item.id)} />}
      <div className="min-w-0 flex-1">
        <div className="flex items-center gap-x-2.5 gap-y-1 max-sm:flex-wrap">
          <Severity level={a.severity} />
          {a.status !== 'open' && <span className="sm:hidden"><FindingStatus status={a.status} /></span>}
          <Since at={a['first-seen-at']} className="ml-auto text-sm text-muted sm:hidden" />
          <FindingAddress org={org} finding={item} className="truncate max-sm:basis-full" />
        </div>
        <p className="mt-1 flex gap-1 text-sm text-muted">
          <span className="truncate">{a.title ?? kinds[a.kind]?.label ?? a.kind}</span>
          <span aria-hidden="true">·</span>
          <span className="max-w-3/5 shrink-0 truncate"><Place org={org} of={item} included={included} /></span>
        </p>
      </div>
      <div className="flex shrink-0 flex-col items-end gap-1 max-sm:hidden">
        <span className="flex gap-1.5">
          {assigned && <Badge icon="user">{assigned}</Badge>}
          {a['acknowledged-at'] && <Badge icon="eye">Seen</Badge>}
          <FindingStatus status={a.status} />
        </span>
        <span className="text-sm text-muted"><Since at={a['first-seen-at']} /></span>
      </div>
    </div>
  )
}
