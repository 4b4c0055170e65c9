import { cx } from './classes'

type Props<V extends string> = { options: Readonly<Record<V, string>>; value: V; onChange: (view: V) => void }

/** Views shows the same thing in one of several ways. */
export function Views<V extends string>({ options, value, onChange }: Props<V>) {
  return (
    <div role="group" aria-label="Show" className="flex rounded-md border border-line bg-sunken p-0.5 text-sm font-normal">
      {(Object.entries(options) as [V, string][]).map(([view, label]) => (
        <button key={view} type="button" aria-pressed={value === view} onClick={() => onChange(view)} className={cx('h-6.5 rounded px-2.5 max-sm:h-9', value === view ? 'bg-surface font-medium shadow-low' : 'text-muted hover:text-text')}>
          {label}
        </button>
      ))}
    </div>
  )
}
