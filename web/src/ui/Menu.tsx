import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { Icon, type IconName } from './Icon'
import { cx } from './classes'

/** Item is something that a menu offers. */
export type Item = {
  label: ReactNode
  icon?: IconName
  hint?: ReactNode
  danger?: boolean
  checked?: boolean
  disabled?: boolean
  /** Draws a line above. */
  separate?: boolean
  onSelect: () => void
}

type Props = {
  /** The content of the button that opens the menu. */
  trigger: ReactNode
  label: string
  items: Item[]
  className?: string
  align?: 'start' | 'end'
  /** Shown above the items. */
  header?: ReactNode
}

/** Menu is a button that opens a list of actions (WAI-ARIA menu button pattern). */
export function Menu({ trigger, label, items, className, align = 'start', header }: Props) {
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const id = useId()
  useEffect(() => {
    if (!open) return
    entries(box.current)[0]?.focus()
    const outside = (e: PointerEvent) => !box.current?.contains(e.target as Node) && setOpen(false)
    const escape = (e: globalThis.KeyboardEvent) => e.key === 'Escape' && setOpen(false)
    document.addEventListener('pointerdown', outside)
    document.addEventListener('keydown', escape)
    return () => {
      document.removeEventListener('pointerdown', outside)
      document.removeEventListener('keydown', escape)
    }
  }, [open])
  function close() {
    setOpen(false)
    button.current?.focus()
  }
  function onKey(e: KeyboardEvent) {
    const list = entries(box.current)
    const at = list.indexOf(document.activeElement as HTMLElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[e.key]
    if (e.key === 'Escape') close()
    else if (e.key === 'Tab') setOpen(false)
    else if (to !== undefined) list[(to + list.length) % list.length]?.focus()
    else return
    if (e.key !== 'Tab') e.preventDefault()
  }
  return (
    <div ref={box} className="relative min-w-0 print:hidden" onKeyDown={open ? onKey : undefined}>
      <button ref={button} type="button" aria-haspopup="menu" aria-expanded={open} aria-controls={open ? id : undefined} aria-label={label} title={label} onClick={() => setOpen(!open)} className={className}>
        {trigger}
      </button>
      {open && (
        <div className={cx('absolute z-40 mt-1 max-w-[calc(100vw-1.5rem)] min-w-52 appear overflow-hidden rounded-lg border border-line bg-raised shadow-high', align === 'end' ? 'right-0' : 'left-0')}>
          {header && <div className="border-b border-line px-3 py-2">{header}</div>}
          <div id={id} role="menu" aria-label={label} className="max-h-[60vh] overflow-y-auto p-1">
            {items.map((item, i) => (
              <Entry key={i} item={item} onDone={close} />
            ))}
          </div>
        </div>
      )}
    </div>
  )
}

function Entry({ item, onDone }: { item: Item; onDone: () => void }) {
  return (
    <>
      {item.separate && <div role="separator" className="mx-1 my-1 border-t border-line" />}
      <button
        type="button"
        role={item.checked === undefined ? 'menuitem' : 'menuitemradio'}
        aria-checked={item.checked}
        tabIndex={-1}
        disabled={item.disabled}
        onClick={() => {
          onDone()
          item.onSelect()
        }}
        className={cx('touch flex w-full items-center gap-2 rounded px-2 py-1.5 text-left -outline-offset-2 hover:bg-hover focus:bg-hover disabled:opacity-50', item.danger && 'text-bad')}
      >
        {item.icon && <Icon name={item.icon} className={item.danger ? '' : 'text-muted'} />}
        <span className="min-w-0 flex-1 truncate">{item.label}</span>
        {item.hint && <span className="text-sm text-faint">{item.hint}</span>}
        {item.checked && <Icon name="check" className="text-accent" />}
      </button>
    </>
  )
}

function entries(box: HTMLElement | null): HTMLElement[] {
  return [...(box?.querySelectorAll<HTMLElement>('[role^="menuitem"]:not(:disabled)') ?? [])]
}
