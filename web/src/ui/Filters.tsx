// What narrows a list: a search, choices, and chips. On a phone the choices and the chips
// that are off are behind a button, so that the list begins on the first screen.
import { useId, useState, type ReactNode } from 'react'
import { Icon } from './Icon'
import { cx } from './classes'

type Props = {
  /** A field, where the list can be searched. */
  search?: ReactNode
  /** Lists of choices. */
  choices: ReactNode
  chips?: ReactNode
  /** What the chips are about, for who hears it. */
  label?: string
  /** How many filters are on. */
  active: number
}

/** Filters lays them out. */
export function Filters({ search, choices, chips, label, active }: Props) {
  const [open, setOpen] = useState(false)
  const id = useId()
  return (
    <div className="mb-4 space-y-3 print:hidden">
      <div className="flex flex-wrap gap-2">
        <div className={cx('flex gap-2 max-sm:basis-full', search ? 'min-w-72 flex-1' : 'sm:hidden')}>
          {search && <div className="min-w-0 flex-1">{search}</div>}
          <button
            type="button"
            aria-expanded={open}
            aria-controls={id}
            onClick={() => setOpen(!open)}
            className={cx('flex h-10 items-center gap-1.5 rounded-md border px-3 sm:hidden', active > 0 ? 'border-accent bg-accent-soft text-accent' : 'border-line-strong bg-surface')}
          >
            Filters{active > 0 && ` (${active})`}
            <Icon name="down" size={14} className={cx('transition-transform', open && 'rotate-180')} />
          </button>
        </div>
        <div id={id} className={cx('flex flex-wrap gap-2 max-sm:grid max-sm:w-full max-sm:grid-cols-2', !open && 'max-sm:hidden')}>{choices}</div>
      </div>
      {chips && (
        <div role="group" aria-label={label} className={cx('flex flex-wrap items-center gap-1.5 max-sm:gap-2', !open && 'max-sm:[&:not(:has([aria-pressed=true]))]:hidden max-sm:[&>[aria-pressed=false]]:hidden')}>{chips}</div>
      )}
    </div>
  )
}

type ChipProps = { on: boolean; onToggle: () => void; children: ReactNode; label?: string }

/** Chip is a filter that is on or off; label is its name where its words do not say it. */
export function Chip({ on, onToggle, children, label }: ChipProps) {
  return (
    <button
      type="button"
      aria-pressed={on}
      aria-label={label}
      title={label}
      onClick={onToggle}
      className={cx('inline-flex h-7 max-w-full items-center gap-1 rounded-full border px-3 text-sm max-sm:h-10', on ? 'border-accent bg-accent-soft font-medium text-accent' : 'border-line bg-surface text-muted hover:border-line-strong hover:text-text')}
    >
      {children}
    </button>
  )
}
