import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import { usePrinting } from '~/kernel/printing'
import { useRowKeys } from '~/kernel/rows'
import { cx } from './classes'

type Column<T> = {
  name: ReactNode
  cell: (item: T) => ReactNode
  /** Tailwind classes of the cells: their width ("w-40"), "text-right", "max-md:hidden". */
  className?: string
}

type Props<T> = { label: string; columns: Column<T>[]; items: T[]; keyOf: (item: T) => string; className?: string }

/** Table shows things with several properties. Its first column names them. */
export function Table<T>({ label, columns, items, keyOf, className }: Props<T>) {
  return (
    <div className={cx('relative overflow-x-auto', className)}>
      <table aria-label={label} className="w-full border-collapse text-left">
        <thead>
          <tr className="border-b border-line text-sm text-muted">
            {columns.map((c, i) => (
              <th key={i} scope="col" className={cx('h-9 px-4 font-medium whitespace-nowrap', c.className)}>{c.name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)} className="border-b border-line last:border-0 hover:bg-hover">
              {columns.map((c, i) => (
                <td key={i} className={cx('h-11 px-4 py-1.5', c.className)}>{c.cell(item)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

type RowsProps = {
  count: number
  /** Height of a row in px; all rows have it. */
  height: number
  row: (index: number) => ReactNode
  label: string
  /** Called with the first and the last row in view, to read them. */
  onRange?: (first: number, last: number) => void
}

/** onPaper is how many rows are printed at most. */
const onPaper = 1000

/** VirtualRows shows a list of any length; only the rows in view are in the document. On paper are all that have been read. */
export function VirtualRows({ count, height, row, label, onRange }: RowsProps) {
  const box = useRef<HTMLDivElement>(null)
  useRowKeys(box)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    setTop((box.current?.getBoundingClientRect().top ?? 0) + window.scrollY)
  }, [])
  const printing = usePrinting()
  const virtual = useWindowVirtualizer({ count, estimateSize: () => height, overscan: 12, scrollMargin: top })
  useLayoutEffect(() => virtual.measure(), [virtual, height])
  const items = virtual.getVirtualItems()
  const first = items.at(0)?.index ?? 0
  const last = items.at(-1)?.index ?? 0
  useLayoutEffect(() => onRange?.(first, last), [first, last, onRange])
  if (printing) {
    return (
      <div ref={box} role="list" aria-label={label}>
        {Array.from({ length: Math.min(count, onPaper) }, (_, i) => <div key={i} data-row role="listitem" className="break-inside-avoid has-[.skeleton]:hidden" style={{ height }}>{row(i)}</div>)}
      </div>
    )
  }
  return (
    <div ref={box} role="list" aria-label={label} className="relative" style={{ height: virtual.getTotalSize() }}>
      {items.map((item) => (
        <div key={item.key} data-row role="listitem" aria-setsize={count} aria-posinset={item.index + 1} className="absolute inset-x-0 top-0 scroll-mt-16 focus-within:bg-hover" style={{ height, transform: `translateY(${item.start - top}px)` }}>
          {row(item.index)}
        </div>
      ))}
    </div>
  )
}
