// Open findings over time, by what the address says.
import { useQuery } from '@tanstack/react-query'
import { Suspense, lazy, useState } from 'react'
import { surely } from '~/kernel/lazy'
import { allQuery } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { Panel } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'
import { dimensions, ranges } from './dimensions'

const Days = lazy(() => surely(() => import('./Days')).then((m) => ({ default: m.Days })))

/** OverTime plots a dimension; names are those that it shows, where there may be too many. */
export function OverTime({ org, by, days, names, onChange }: { org: string; by: string; days: number; names: readonly string[] | undefined; onChange: (change: { by?: string; days?: number }) => void }) {
  const [asTable, setAsTable] = useState(false)
  const [opened] = useState(() => Date.now())
  const from = new Date(opened - (days - 1) * 86_400_000).toISOString().slice(0, 10)
  const list = useQuery(allQuery('drift-days', '/organizations/{organization}/drift-days', { organization: org }, { 'filter[dimension]': by, 'filter[from]': from, 'filter[name]': names }))
  return (
    <Panel
      title="Open findings over time"
      actions={
        <>
          <Select aria-label="Lines" className="w-auto!" value={by} onChange={(e) => onChange({ by: e.target.value })}>{Object.entries(dimensions).map(([v, name]) => <option key={v} value={v}>{name}</option>)}</Select>
          <Select aria-label="Range" className="w-auto!" value={days} onChange={(e) => onChange({ days: Number(e.target.value) })}>{Object.entries(ranges).map(([v, name]) => <option key={v} value={v}>{name}</option>)}</Select>
          <Button aria-label={asTable ? 'Show as a plot' : 'Show as a table'} onClick={() => setAsTable((was) => !was)}>{asTable ? 'As a plot' : 'As a table'}</Button>
        </>
      }
    >
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="m-4" />}
      {list.data?.length === 0 && <p className="px-4 py-6 text-muted">There are no days to show yet. What is open is counted at the end of every hour.</p>}
      {(list.isPending || (list.data && list.data.length > 0)) && (
        <Suspense fallback={<Skeleton className="m-4 h-60" />}>{list.data ? <Days days={list.data.map((d) => d.attributes)} by={by} asTable={asTable} /> : <Skeleton className="m-4 h-60" />}</Suspense>
      )}
    </Panel>
  )
}
