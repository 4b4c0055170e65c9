// Open findings day by day, as a plot and as a table.
import { useEffect, useMemo, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { number } from '~/kernel/formats'
import { Button } from '~/ui/Button'
import { Table } from '~/ui/Table'
import { Severity, severities, severityOptions } from './words'

type Day = { day: string; name: string; 'open-findings': number }

const colours: Record<string, string> = { critical: 'text-bad', high: 'text-replace', medium: 'text-warn', low: 'text-info', info: 'text-idle' }
const dashes: Record<string, number[]> = { critical: [], high: [8, 3], medium: [4, 3], low: [2, 3], info: [1, 4] }

export function Days({ days }: { days: Day[] }) {
  const [asTable, setAsTable] = useState(false)
  const rows = useMemo(() => byDay(days), [days])
  return (
    <div>
      <div className="flex justify-end px-4 pt-3">
        <Button small onClick={() => setAsTable((was) => !was)}>{asTable ? 'Show as a plot' : 'Show as a table'}</Button>
      </div>
      {asTable ? (
        <Table
          label="Open findings by day"
          items={rows.toReversed()}
          keyOf={(r) => r.day}
          columns={[{ name: 'Day', cell: (r) => r.day }, ...severities.map((s) => ({ name: <Severity level={s} />, cell: (r: Row) => number(r.counts[s] ?? 0), className: 'tabular' }))]}
        />
      ) : (
        <Plot rows={rows} />
      )}
    </div>
  )
}

type Row = { day: string; counts: Record<string, number> }

/** byDay joins what is counted by severity; the oldest day comes first. */
function byDay(days: Day[]): Row[] {
  const rows = new Map<string, Row>()
  for (const d of days) {
    const row = rows.get(d.day) ?? { day: d.day, counts: {} }
    row.counts[d.name] = d['open-findings']
    rows.set(d.day, row)
  }
  return [...rows.values()].toSorted((a, b) => a.day.localeCompare(b.day))
}

function Plot({ rows }: { rows: Row[] }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const el = box.current
    if (!el) return
    let plot = draw(el, rows)
    const again = () => {
      plot.destroy()
      plot = draw(el, rows)
    }
    const size = new ResizeObserver(() => plot.setSize({ width: el.clientWidth, height: 240 }))
    size.observe(el)
    const theme = new MutationObserver(again)
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    const system = window.matchMedia('(prefers-color-scheme: dark)')
    system.addEventListener('change', again)
    return () => {
      size.disconnect()
      theme.disconnect()
      system.removeEventListener('change', again)
      plot.destroy()
    }
  }, [rows])
  return <div ref={box} role="img" aria-label="Plot of open findings by severity and day; the table has the numbers" className="w-full overflow-hidden px-2 py-3" />
}

function draw(el: HTMLElement, rows: Row[]): uPlot {
  const muted = colourOf(el, 'text-muted')
  const line = colourOf(el, 'text-line')
  const axis: uPlot.Axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } }
  const options: uPlot.Options = {
    width: el.clientWidth, height: 240, cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.1))] } },
    axes: [axis, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000] }],
    series: [{ value: '{YYYY}-{MM}-{DD}' }, ...severityOptions.map(([level, label]) => ({ label, stroke: colourOf(el, colours[level] ?? ''), width: 2, dash: dashes[level], points: { show: rows.length < 3 } }))],
  }
  const days = rows.map((r) => Date.parse(r.day) / 1000)
  return new uPlot(options, [days, ...severities.map((s) => rows.map((r) => r.counts[s] ?? 0))], el)
}

/** colourOf is the colour that a class gives a text here and now. */
function colourOf(el: HTMLElement, name: string): string {
  const probe = document.createElement('span')
  probe.className = name
  el.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
