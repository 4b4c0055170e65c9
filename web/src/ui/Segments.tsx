// Rights as people think of them: rows are what, and each row says how much.
import { useId, type ReactNode } from 'react'
import { cx } from './classes'

/** Choice is one of them. */
export type Choice = { value: string; label: string; /** What a screen reader says: "Manage all workspaces". */ full?: string }
/** Row is what something is about, and how much of it there may be. */
export type Row = { name: string; label: ReactNode; help?: ReactNode; options: readonly Choice[] }

type SegmentsProps = { label: string; options: readonly Choice[]; value: string; disabled?: boolean; onChange: (value: string) => void }

/** Segments is a choice of one among a few, side by side. */
export function Segments({ label, options, value, disabled, onChange }: SegmentsProps) {
  const name = useId()
  return (
    <div role="radiogroup" aria-label={label} className={cx('inline-flex max-w-full overflow-hidden rounded-md border border-line bg-sunken', disabled && 'opacity-70')}>
      {options.map((o) => (
        <label key={o.value} className={cx('touch relative flex h-7 cursor-pointer items-center border-r border-line px-2.5 text-sm last:border-0 has-focus-visible:outline-2 has-focus-visible:-outline-offset-2 has-focus-visible:outline-accent', value === o.value ? (o.value === 'none' || o.value === 'false' ? 'bg-surface font-medium text-text' : 'bg-accent font-medium text-accent-fg') : 'text-muted hover:bg-hover hover:text-text', disabled && 'cursor-not-allowed')}>
          <input type="radio" name={name} aria-label={o.full ?? `${label}: ${o.label}`} disabled={disabled} checked={value === o.value} onChange={() => onChange(o.value)} className="absolute inset-0 cursor-[inherit] appearance-none outline-none!" />
          <span aria-hidden="true">{o.label}</span>
        </label>
      ))}
    </div>
  )
}

type MatrixProps = { rows: readonly Row[]; valueOf: (name: string) => string; disabled?: boolean; onChange: (name: string, value: string) => void }

/** Matrix is rows of what, each with how much. */
export function Matrix({ rows, valueOf, disabled, onChange }: MatrixProps) {
  return (
    <div className="divide-y divide-line">
      {rows.map((r) => (
        <div key={r.name} className="flex flex-wrap items-center justify-between gap-x-6 gap-y-1.5 py-2">
          <div className="min-w-48 flex-1">
            <div className="font-medium">{r.label}</div>
            {r.help && <div className="text-sm text-muted">{r.help}</div>}
          </div>
          <Segments label={typeof r.label === 'string' ? r.label : r.name} options={r.options} value={valueOf(r.name)} disabled={disabled ?? false} onChange={(v) => onChange(r.name, v)} />
        </div>
      ))}
    </div>
  )
}
