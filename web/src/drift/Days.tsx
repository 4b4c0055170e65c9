// Open findings day by day, as a plot and as a table.
import { useEffect, useMemo, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { calendarDay, number } from '~/kernel/formats'
import { Table } from '~/ui/Table'
import { kinds, severityOptions } from './words'

type Day = { day: string; name: string; label: string; 'open-findings': number }
type Series = { name: string; label: string; colour: string; dash: number[] }
type Row = { day: string; counts: Record<string, number> }

const severityLooks: Record<string, { colour: string; dash: number[] }> = {
  critical: { colour: 'text-bad', dash: [] }, high: { colour: 'text-replace', dash: [8, 3] }, medium: { colour: 'text-warn', dash: [4, 3] },
  low: { colour: 'text-info', dash: [2, 3] }, info: { colour: 'text-idle', dash: [1, 4] },
}
const looks = [
  { colour: 'text-accent', dash: [] }, { colour: 'text-warn', dash: [8, 3] }, { colour: 'text-ok', dash: [4, 3] },
  { colour: 'text-bad', dash: [2, 3] }, { colour: 'text-info', dash: [10, 3, 2, 3] }, { colour: 'text-replace', dash: [1, 4] },
]

/** Days shows the days of a dimension: by severity all lines, else those of the six with the most. */
export function Days({ days, by, asTable }: { days: Day[]; by: string; asTable: boolean }) {
  const rows = useMemo(() => byDay(days), [days])
  const series = useMemo(() => seriesOf(days, by), [days, by])
  if (!asTable) return <Plot rows={rows} series={series} by={by} />
  return (
    <Table
      label="Open findings by day"
      items={rows.toReversed()}
      keyOf={(r) => r.day}
      columns={[{ name: 'Day', cell: (r) => <span className="whitespace-nowrap">{r.day}</span> }, ...series.map((s) => ({ name: s.label, cell: (r: Row) => number(r.counts[s.name] ?? 0), className: 'tabular' }))]}
    />
  )
}

/** byDay joins what is counted by name; the oldest day comes first. */
function byDay(days: Day[]): Row[] {
  const rows = new Map<string, Row>()
  for (const d of days) {
    const row = rows.get(d.day) ?? { day: d.day, counts: {} }
    row.counts[d.name] = d['open-findings']
    rows.set(d.day, row)
  }
  return [...rows.values()].toSorted((a, b) => a.day.localeCompare(b.day))
}

function seriesOf(days: Day[], by: string): Series[] {
  if (by === 'severity') return severityOptions.map(([name, label]) => ({ name, label, colour: severityLooks[name]?.colour ?? '', dash: severityLooks[name]?.dash ?? [] }))
  const total = new Map<string, { label: string; sum: number }>()
  for (const d of days) total.set(d.name, { label: labelOf(d, by), sum: (total.get(d.name)?.sum ?? 0) + d['open-findings'] })
  const most = [...total].toSorted((a, b) => b[1].sum - a[1].sum).slice(0, looks.length)
  return most.map(([name, { label }], i) => ({ name, label, colour: looks[i]?.colour ?? '', dash: looks[i]?.dash ?? [] }))
}

function labelOf(d: Day, by: string): string {
  if (by === 'kind') return kinds[d.name]?.label ?? d.name
  if (by === 'provider') return d.name.replace(/^registry\.[a-z.]+\//, '')
  return by === 'total' ? 'All' : d.label || d.name
}

function Plot({ rows, series, by }: { rows: Row[]; series: Series[]; by: string }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const el = box.current
    if (!el) return
    let plot = draw(el, rows, series)
    const again = () => {
      plot.destroy()
      plot = draw(el, rows, series)
    }
    const size = new ResizeObserver(() => plot.setSize({ width: el.clientWidth, height: 240 }))
    size.observe(el)
    const theme = new MutationObserver(again)
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    const media = ['(prefers-color-scheme: dark)', '(prefers-contrast: more)', '(forced-colors: active)', 'print'].map((m) => window.matchMedia(m))
    media.forEach((m) => m.addEventListener('change', again))
    return () => {
      size.disconnect()
      theme.disconnect()
      media.forEach((m) => m.removeEventListener('change', again))
      plot.destroy()
    }
  }, [rows, series])
  return <div ref={box} role="img" aria-label={`Plot of open findings by ${by} and day; the table has the numbers`} className="w-full overflow-hidden py-3" />
}

function draw(el: HTMLElement, rows: Row[], series: Series[]): uPlot {
  const muted = colourOf(el, 'text-muted')
  const line = colourOf(el, 'text-line')
  const axis: uPlot.Axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } }
  const options: uPlot.Options = {
    width: el.clientWidth, height: 240, cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.1))] } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    axes: [{ ...axis, incrs: [86400, 7 * 86400, 30 * 86400], values: (_, at) => at.map((seconds) => calendarDay(seconds * 1000)) }, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000] }],
    hooks: { ready: [showLast], setLegend: [showLast] },
    series: [{ label: 'Day', value: '{YYYY}-{MM}-{DD}' }, ...series.map((s) => ({ label: s.label, stroke: colourOf(el, s.colour), width: 2, dash: s.dash, points: { show: rows.length < 3 } }))],
  }
  const days = rows.map((r) => Date.parse(r.day) / 1000)
  return new uPlot(options, [days, ...series.map((s) => rows.map((r) => r.counts[s.name] ?? 0))], el)
}

/** showLast has the legend tell of the last day, while the pointer is on none. */
function showLast(plot: uPlot) {
  if (plot.legend.idx == null && plot.data[0].length > 0) plot.setLegend({ idx: plot.data[0].length - 1 })
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
