// How bad the drift of each target was on each day. Arrows move between days and targets,
// Enter opens the findings of the target.
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState, type KeyboardEvent } from 'react'
import { calendarDay, count } from '~/kernel/formats'
import type { Resource } from '~/kernel/jsonapi'
import { polling, readQuery } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { cx } from '~/ui/classes'
import { Severity, severities, severityOptions } from './words'

type Map = Resource<'drift-heat-maps'>['attributes']
type Row = Map['rows'][number]

const looks: Record<string, { letter: string; look: string }> = {
  critical: { letter: 'C', look: 'bg-bad text-bg' },
  high: { letter: 'H', look: 'bg-replace text-bg' },
  medium: { letter: 'M', look: 'bg-warn text-bg' },
  low: { letter: 'L', look: 'bg-info-soft text-info' },
  info: { letter: 'I', look: 'bg-idle-soft text-idle' },
}

const names = Object.fromEntries(severityOptions)

export function Heat({ org, days }: { org: string; days: number }) {
  const [asTable, setAsTable] = useState(false)
  const map = useQuery({ ...readQuery('drift-heat-maps', '/organizations/{organization}/drift-heat-map', { organization: org }, { 'filter[days]': days }), ...polling })
  const a = map.data?.item.attributes
  return (
    <Panel
      title={a && a['drifted-targets'] > a.rows.length ? `The worst ${a.rows.length} of ${a['drifted-targets']} targets, day by day` : 'Targets, day by day'}
      actions={a && a.rows.length > 0 && <Button aria-label={asTable ? 'Show as a map' : 'Show the map as a table'} onClick={() => setAsTable((was) => !was)}>{asTable ? 'As a map' : 'As a table'}</Button>}
    >
      {map.error && <Failure error={map.error} retry={() => void map.refetch()} className="m-4" />}
      {map.isPending && <Skeleton className="m-4 h-40" />}
      {a?.rows.length === 0 && <p className="px-4 py-6 text-muted">Nothing has drifted on these days.</p>}
      {a && a.rows.length > 0 && (asTable ? <AsTable map={a} /> : <Grid org={org} map={a} />)}
    </Panel>
  )
}

function placeOf(r: Row): string {
  return [r.name || r['workspace-id'] || r['schedule-id'], r.folder === '.' ? '' : r.folder].filter(Boolean).join(' · ')
}

function Grid({ org, map }: { org: string; map: Map }) {
  const navigate = useNavigate()
  const body = useRef<HTMLTableSectionElement>(null)
  const scroll = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const el = scroll.current
    if (!el) return
    const size = new ResizeObserver(() => (el.scrollLeft = el.scrollWidth)) // today is what matters most
    size.observe(el)
    return () => size.disconnect()
  }, [map.days.length])
  const [at, setAt] = useState({ row: 0, day: map.days.length - 1 })
  const focused = { row: Math.min(at.row, map.rows.length - 1), day: Math.min(at.day, map.days.length - 1) }
  const open = (r: Row) => void navigate({ to: '/$org/drift/findings', params: { org }, search: { target: r.target } })
  function onKey(e: KeyboardEvent) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -map.days.length], End: [0, map.days.length] }[e.key]
    if (!step) return
    e.preventDefault()
    const row = Math.max(0, Math.min(map.rows.length - 1, focused.row + (step[0] ?? 0)))
    const day = Math.max(0, Math.min(map.days.length - 1, focused.day + (step[1] ?? 0)))
    setAt({ row, day })
    body.current?.rows[row]?.cells[day + 1]?.querySelector('button')?.focus()
  }
  return (
    <>
      <div ref={scroll} className="relative overflow-x-auto pt-3 pr-4 pb-2">
        <table aria-label="Severity of drift by target and day" className="w-full border-separate border-spacing-0.5 text-xs">
          <thead>
            <tr>
              <th scope="col" className="sticky left-0 z-10 bg-surface pl-4 text-left font-medium text-muted">Target</th>
              {map.days.map((d, i) => (
                <th key={d} scope="col" className="h-5 min-w-3.5 text-left font-normal whitespace-nowrap text-muted">
                  {(map.days.length - 1 - i) % 7 === 0 && i > 0 && <span aria-hidden="true" className={cx('flex w-0', i === map.days.length - 1 && 'ml-auto justify-end')}>{calendarDay(d)}</span>}
                  <span className="sr-only">{d}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody ref={body} onKeyDown={onKey}>
            {map.rows.map((r, row) => (
              <tr key={r.target}>
                <th scope="row" className="sticky left-0 z-10 max-w-40 min-w-24 truncate bg-surface pr-2 pl-4 text-left font-medium" title={placeOf(r)}>
                  <button type="button" tabIndex={-1} className="max-w-full truncate text-sm hover:text-accent" onClick={() => open(r)}>{placeOf(r)}</button>
                </th>
                {r.cells.map((c, day) => (
                  <td key={map.days[day]} className="p-0">
                    <button
                      type="button"
                      tabIndex={row === focused.row && day === focused.day ? 0 : -1}
                      onFocus={() => setAt({ row, day })}
                      onClick={() => open(r)}
                      title={`${map.days[day]}: ${c.severity ? `${names[c.severity] ?? c.severity}, ${count(c.findings, 'finding')}` : 'nothing'}`}
                      aria-label={`${placeOf(r)}, ${map.days[day]}: ${c.severity ? `${names[c.severity] ?? c.severity}, ${count(c.findings, 'finding')}` : 'nothing'}`}
                      className={cx('flex h-5.5 w-full min-w-3.5 items-center justify-center rounded-sm font-semibold', looks[c.severity]?.look ?? 'bg-sunken')}
                    >
                      {looks[c.severity]?.letter ?? ''}
                    </button>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ul aria-label="Legend" className="flex flex-wrap gap-x-4 gap-y-1 px-4 pb-3 text-sm text-muted">
        {severities.map((s) => <li key={s} className="flex items-center gap-1.5"><span aria-hidden="true" className={cx('flex size-4 items-center justify-center rounded-sm text-[0.6875rem] font-semibold', looks[s]?.look)}>{looks[s]?.letter}</span>{names[s]}</li>)}
      </ul>
    </>
  )
}

function AsTable({ map }: { map: Map }) {
  const drifting = (r: Row) => r.cells.filter((c) => c.severity)
  const worst = (r: Row) => severities.find((s) => r.cells.some((c) => c.severity === s))
  const today = (r: Row) => r.cells.at(-1)
  return (
    <Table
      label="Drift of targets"
      items={map.rows}
      keyOf={(r) => r.target}
      columns={[
        { name: 'Target', cell: (r) => <span className="wrap-anywhere">{placeOf(r)}</span> },
        { name: 'Today', cell: (r) => (today(r)?.severity ? <Severity level={today(r)?.severity ?? ''} /> : 'nothing') },
        { name: 'Findings today', cell: (r) => today(r)?.findings ?? 0, className: 'tabular' },
        { name: 'Worst', cell: (r) => <Severity level={worst(r) ?? 'info'} /> },
        { name: 'Days with drift', cell: (r) => drifting(r).length, className: 'tabular' },
      ]}
    />
  )
}
