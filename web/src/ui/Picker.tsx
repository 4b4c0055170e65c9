// A choice of some among many that the server searches.
import { Button, IconButton } from './Button'
import { SearchInput } from './Field'
import { SkeletonRows } from './Skeleton'
import { cx } from './classes'

/** Pick is something that can be chosen; about is what tells it from others of the name. */
export type Pick = { id: string; name: string; about?: string | undefined }

type Props = {
  /** What is chosen: "workspaces". */
  what: string
  chosen: readonly Pick[]
  text: string
  onText: (text: string) => void
  /** What the server finds for the text; undefined while it searches. */
  found: readonly Pick[] | undefined
  /** Ids that cannot be chosen. */
  without?: readonly string[]
  /** Only one. */
  single?: boolean
  onChange: (chosen: Pick[]) => void
}

/** Picker shows what is chosen, and finds more by name. */
export function Picker({ what, chosen, text, onText, found: all, without = [], single, onChange }: Props) {
  const found = all?.filter((f) => !without.includes(f.id))
  const has = (id: string) => chosen.some((c) => c.id === id)
  const toggle = (p: Pick) => onChange(has(p.id) ? chosen.filter((c) => c.id !== p.id) : single ? [p] : [...chosen, p])
  return (
    <div className="overflow-hidden rounded-md border border-line">
      {chosen.length > 0 && (
        <ul className="flex max-h-28 flex-wrap gap-1.5 overflow-y-auto border-b border-line bg-sunken p-2" aria-label={`Chosen ${what}`}>
          {chosen.map((c) => (
            <li key={c.id} className="flex h-7 items-center gap-0.5 rounded bg-surface pl-2 text-sm">
              {c.name}
              <IconButton small icon="cross" label={`Without ${c.name}`} onClick={() => toggle(c)} />
            </li>
          ))}
        </ul>
      )}
      <div className="border-b border-line p-2"><SearchInput label={`Search ${what}`} value={text} onChange={(e) => onText(e.target.value)} onKeyDown={(e) => e.key === 'Enter' && e.preventDefault()} /></div>
      <ul className="max-h-48 overflow-y-auto" aria-label={`Found ${what}`} tabIndex={-1}>
        {!found && <SkeletonRows rows={3} />}
        {found?.length === 0 && <li className="px-3 py-4 text-center text-sm text-muted">{text ? 'Nothing has this name.' : 'There is nothing to choose.'}</li>}
        {found?.map((f) => (
          <li key={f.id}>
            <label className={cx('touch flex cursor-pointer items-center gap-2.5 px-3 py-1.5 hover:bg-hover', has(f.id) && 'bg-accent-soft')}>
              <input type={single ? 'radio' : 'checkbox'} name={`picker-${what}`} aria-label={f.name} className="size-4 accent-accent" checked={has(f.id)} onChange={() => toggle(f)} />
              <span className="min-w-0 flex-1 truncate">{f.name}</span>
              {f.about && <span className="truncate text-sm text-muted">{f.about}</span>}
            </label>
          </li>
        ))}
      </ul>
      {found && found.length > 0 && !single && found.some((f) => !has(f.id)) && text !== '' && (
        <div className="border-t border-line p-1.5"><Button small look="quiet" onClick={() => onChange([...chosen, ...found.filter((f) => !has(f.id))])}>Choose all {found.length} found</Button></div>
      )}
    </div>
  )
}
