// The parts of every screen: its heading, and the boxes that its content is in.
import { createLink, useLocation, useMatches, type LinkComponent } from '@tanstack/react-router'
import { createContext, useEffect, useRef, useState, useSyncExternalStore, type AnchorHTMLAttributes, type ReactNode, type Ref } from 'react'
import { store, useStore } from '~/kernel/store'
import { partOf } from '~/kernel/title'
import { Icon } from './Icon'
import { cx } from './classes'

type PageProps = {
  title: string
  /** Beside the title: a status, say. */
  status?: ReactNode
  /** Below the title. */
  about?: ReactNode
  actions?: ReactNode
  tabs?: ReactNode
  children: ReactNode
  /** Uses the whole width, for wide tables and graphs. */
  wide?: boolean
}

/** Framed tells whether what is shown is a part of a screen, below its title and tabs. */
export const Framed = createContext(false)

/** Page is the frame of a screen. Its title is that of the browser's tab too. */
export function Page({ title, status, about, actions, tabs, children, wide }: PageProps) {
  useTitle(title, tabs !== undefined)
  return (
    <div className={cx('mx-auto w-full px-4 pb-16 sm:px-6', wide ? 'max-w-[1600px]' : 'max-w-6xl')}>
      <header className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3 pt-6 pb-4">
        <div className="min-w-0 sm:flex-1 sm:basis-80">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h1 className={cx('text-2xl wrap-anywhere', title.length > 100 && 'line-clamp-3')}>{title}</h1>
            {status && <div className="flex flex-wrap items-center gap-2 empty:hidden">{status}</div>}
          </div>
          {about && <div className="mt-1 wrap-anywhere text-muted">{about}</div>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2 empty:hidden">{actions}</div>}
      </header>
      {tabs}
      <Framed value={tabs !== undefined}>{children}</Framed>
    </div>
  )
}

// The title of the screen that is shown, for the path at the top of the page.
const shown = store({ title: '', full: '', detail: '', path: '' })

function show(change: Partial<ReturnType<typeof shown.get>>) {
  shown.set({ ...shown.get(), ...change })
  document.title = `${fullTitle()} – Plumbline`
}

/** useTitle gives the screen its title. Where it has parts, that of the browser's tab says which one is open. */
function useTitle(title: string, hasParts: boolean) {
  const path = useLocation({ select: (l) => l.pathname })
  const route = useMatches({ select: (matches) => String(matches.at(-1)?.fullPath ?? '') })
  const part = hasParts ? partOf(route) : undefined
  const full = part === undefined || part === title ? title : `${part} · ${title}`
  useEffect(() => {
    show({ title, full, path })
  }, [title, full, path])
}

/** useDetail adds what a part shows one of to the title of the browser's tab: a team, say. */
export function useDetail(name: string | undefined) {
  useEffect(() => {
    show({ detail: name ?? '' })
    return () => show({ detail: '' })
  }, [name])
}

function fullTitle(): string {
  const { detail, full } = shown.get()
  return detail === '' ? full : `${detail} · ${full}`
}

/** Arrival tells those who hear the page which screen has come. */
export function Arrival() {
  const full = useSyncExternalStore(shown.subscribe, fullTitle)
  const { path } = useStore(shown)
  const first = useRef('')
  const [moved, setMoved] = useState(false)
  useEffect(() => {
    if (first.current !== '' && first.current !== path) setMoved(true) // what comes first is read out by itself
    first.current ||= path
  }, [path])
  return <p aria-live="polite" className="sr-only">{moved ? full : ''}</p>
}

/** usePageTitle is the title of the screen; it is empty until the screen is there. */
export function usePageTitle(): string {
  const { title, path } = useStore(shown)
  const here = useLocation({ select: (l) => l.pathname })
  return path === here ? title : ''
}

type PanelProps = { title?: ReactNode; actions?: ReactNode; children: ReactNode; className?: string; padded?: boolean; id?: string }

/** Panel is a box with a heading; padded is for text and forms, lists have their own space. */
export function Panel({ title, actions, children, className, padded, id }: PanelProps) {
  return (
    <section id={id} className={cx('min-w-0 overflow-clip rounded-lg border border-line bg-surface shadow-low', className)}>
      {title && (
        <div className="flex min-h-11 flex-wrap items-center justify-between gap-2 border-b border-line px-4 py-1.5">
          <h2 className="font-semibold">{title}</h2>
          {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
      )}
      {padded ? <div className="p-4">{children}</div> : children}
    </section>
  )
}

type TabProps = AnchorHTMLAttributes<HTMLAnchorElement> & { count?: number; ref?: Ref<HTMLAnchorElement> }

function TabAnchor({ count, children, className, ...rest }: TabProps) {
  return (
    <a
      {...rest}
      className={cx(
        'touch flex h-9 shrink-0 items-center gap-1.5 border-b-2 border-transparent px-0.5 whitespace-nowrap text-muted hover:text-text',
        'data-[status=active]:border-accent data-[status=active]:font-medium data-[status=active]:text-text',
        className,
      )}
    >
      {children}
      {count !== undefined && <span className="rounded-full bg-idle-soft px-1.5 text-xs text-idle tabular">{count}</span>}
    </a>
  )
}

const CreatedTab = createLink(TabAnchor)

/** Tab is a link to a part of a thing. */
export const Tab: LinkComponent<typeof TabAnchor> = (props) => <CreatedTab {...props} />

/** Tabs are the parts of a thing, each with an address of its own. Where they do not all fit, the one that is open is in view, and the side where there are more fades out. */
export function Tabs({ label, children }: { label: string; children: ReactNode }) {
  const bar = useRef<HTMLElement>(null)
  const path = useLocation({ select: (l) => l.pathname })
  const [more, setMore] = useState({ before: false, after: false })
  useEffect(() => {
    const el = bar.current
    if (!el) return
    const look = () => setMore({ before: el.scrollLeft > 1, after: el.scrollLeft + el.clientWidth < el.scrollWidth - 1 })
    const fit = () => {
      bringIntoView(el)
      look()
    }
    const size = new ResizeObserver(fit)
    size.observe(el)
    el.addEventListener('scroll', look, { passive: true })
    fit()
    return () => {
      size.disconnect()
      el.removeEventListener('scroll', look)
    }
  }, [path])
  return (
    <div className="relative mb-5 border-b border-line">
      <nav
        ref={bar}
        aria-label={label}
        className={cx('-mb-px flex gap-5 overflow-x-auto [scrollbar-width:none]', more.before && 'mask-l-from-[calc(100%-3rem)] mask-l-to-100%', more.after && 'mask-r-from-[calc(100%-3rem)] mask-r-to-100%')}
      >
        {children}
      </nav>
      {more.before && <Icon name="left" size={14} className="pointer-events-none absolute top-1/2 left-0 -translate-y-1/2 text-muted" />}
      {more.after && <Icon name="right" size={14} className="pointer-events-none absolute top-1/2 right-0 -translate-y-1/2 text-muted" />}
    </div>
  )
}

/** bringIntoView scrolls a bar of tabs so that the open one is seen. */
function bringIntoView(bar: HTMLElement) {
  const open = bar.querySelector('[data-status=active]')
  if (!open) return
  const [outer, inner] = [bar.getBoundingClientRect(), open.getBoundingClientRect()]
  const left = inner.left - outer.left + bar.scrollLeft
  bar.scrollLeft = left + inner.width <= outer.width ? 0 : left - (outer.width - inner.width) / 2
}

/** Facts is a list of names and values. */
export function Facts({ children, className }: { children: ReactNode; className?: string }) {
  return <dl className={cx('grid grid-cols-[minmax(5.5rem,auto)_minmax(0,1fr)] items-baseline gap-x-4 gap-y-2', className)}>{children}</dl>
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 wrap-anywhere">{children}</dd>
    </>
  )
}

const TextAnchor = ({ className, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { ref?: Ref<HTMLAnchorElement> }) => (
  // oxlint-disable-next-line jsx-a11y/anchor-has-content -- the content is among the properties
  <a className={cx('text-accent underline-offset-2 hover:underline', className)} {...rest} />
)

const CreatedText = createLink(TextAnchor)

/** TextLink is a link in text. */
export const TextLink: LinkComponent<typeof TextAnchor> = (props) => <CreatedText {...props} />
