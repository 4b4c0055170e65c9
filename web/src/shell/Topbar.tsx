import { Link, useMatches, type AnyRouteMatch } from '@tanstack/react-router'
import { useConnected } from '~/kernel/events'
import { keyNames } from '~/kernel/keyboard'
import { IconButton } from '~/ui/Button'
import { Icon } from '~/ui/Icon'
import { usePageTitle } from '~/ui/Page'
import { cx } from '~/ui/classes'
import { Keys } from './Shortcuts'

type Props = { org: string | undefined; drawer: boolean; onDrawer: () => void; onSearch: () => void }

export function Topbar({ org, drawer, onDrawer, onSearch }: Props) {
  return (
    <header className="sticky top-0 z-20 flex h-13 items-center gap-3 border-b border-line bg-surface px-3 sm:px-6">
      <IconButton icon="menu" label="Navigation" className="lg:hidden" aria-expanded={drawer} onClick={onDrawer} />
      <Crumbs org={org} />
      <div className="ml-auto flex items-center gap-2">
        {org && <Connection />}
        <button type="button" onClick={onSearch} className="flex h-8 items-center justify-center gap-2 rounded-md border border-line bg-bg px-2.5 text-sm text-muted hover:border-line-strong hover:text-text max-sm:size-10">
          <Icon name="search" size={14} />
          <span className="max-sm:sr-only">Search…</span>
          <span aria-hidden="true" className="max-sm:hidden"><Keys names={keyNames('mod+k')} /></span>
        </button>
      </div>
    </header>
  )
}

type Crumb = { label: string; to: string }

/** crumbsOf is what a route adds to the path. */
export function crumbsOf(m: AnyRouteMatch): Crumb[] {
  const crumb = m.staticData.crumb?.(m.params as Record<string, string>)
  return typeof crumb === 'string' ? [{ label: crumb, to: m.pathname }] : (crumb ?? [])
}

/** Crumbs is where the screen is. A phone shows the way up instead: the title below says the rest. */
function Crumbs({ org }: { org: string | undefined }) {
  const title = usePageTitle()
  const own = useMatches().map(crumbsOf).filter((c) => c.length > 0)
  const crumbs = own.flat()
  const up = own[0]?.at(-2)
  return (
    <nav aria-label="You are here" className="min-w-0">
      <ol className="flex min-w-0 items-center gap-1.5 text-muted max-sm:hidden">
        {crumbs.map((c, i) => (
          <li key={c.to} className={cx('flex min-w-0 items-center gap-1.5', i < crumbs.length - 1 && 'max-w-56 shrink-0')}>
            {i > 0 && <Icon name="right" size={12} className="text-faint" />}
            <Link to={c.to} className={cx('truncate', i === crumbs.length - 1 ? 'font-medium text-text' : 'hover:text-text')} aria-current={i === crumbs.length - 1 ? 'page' : undefined}>{c.label || title}</Link>
          </li>
        ))}
      </ol>
      {up ? (
        <Link to={up.to} className="flex h-10 min-w-0 items-center gap-1 pr-2 text-muted hover:text-text sm:hidden">
          <Icon name="left" size={14} />
          <span className="truncate"><span className="sr-only">Up to </span>{up.label}</span>
        </Link>
      ) : (
        <span className="block truncate font-medium sm:hidden">{org ?? 'Plumbline'}</span>
      )}
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
