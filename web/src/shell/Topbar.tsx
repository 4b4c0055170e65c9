import { Link, useMatches } from '@tanstack/react-router'
import { useConnected } from '~/kernel/events'
import { keyNames } from '~/kernel/keyboard'
import { IconButton } from '~/ui/Button'
import { Icon } from '~/ui/Icon'
import { Keys } from './Shortcuts'

type Props = { org: string | undefined; drawer: boolean; onDrawer: () => void; onSearch: () => void }

export function Topbar({ org, drawer, onDrawer, onSearch }: Props) {
  return (
    <header className="sticky top-0 z-20 flex h-13 items-center gap-3 border-b border-line bg-surface px-3 sm:px-6">
      <IconButton icon="menu" label="Navigation" className="lg:hidden" aria-expanded={drawer} onClick={onDrawer} />
      <Crumbs />
      <div className="ml-auto flex items-center gap-2">
        {org && <Connection />}
        <button type="button" onClick={onSearch} className="flex h-8 items-center gap-2 rounded-md border border-line bg-bg px-2.5 text-sm text-muted hover:border-line-strong hover:text-text">
          <Icon name="search" size={14} />
          <span className="max-sm:sr-only">Search…</span>
          <span aria-hidden="true" className="max-sm:hidden"><Keys names={keyNames('mod+k')} /></span>
        </button>
      </div>
    </header>
  )
}

function Crumbs() {
  const matches = useMatches()
  const crumbs = matches.flatMap((m) => {
    const crumb = m.staticData.crumb?.(m.params as Record<string, string>)
    return typeof crumb === 'string' ? [{ label: crumb, to: m.pathname }] : (crumb ?? [])
  })
  return (
    <nav aria-label="You are here" className="min-w-0">
      <ol className="flex min-w-0 items-center gap-1.5 text-muted">
        {crumbs.map((c, i) => (
          <li key={c.to} className="flex min-w-0 items-center gap-1.5 max-sm:not-last:hidden">
            {i > 0 && <Icon name="right" size={12} className="text-faint max-sm:hidden" />}
            <Link to={c.to} className="truncate hover:text-text" {...(i === crumbs.length - 1 && { 'aria-current': 'page', className: 'truncate font-medium text-text' })}>{c.label}</Link>
          </li>
        ))}
      </ol>
    </nav>
  )
}

/** Connection shows when changes do not arrive at once. */
function Connection() {
  if (useConnected()) return <span role="status" className="sr-only">Changes show as they happen.</span>
  return (
    <span role="status" title="Changes show with a delay of up to 5 seconds." className="flex items-center gap-1.5 text-sm text-muted max-sm:hidden">
      <span className="size-1.5 rounded-full bg-warn" />
      Connecting
    </span>
  )
}
