// The frame of every screen: side bar, top bar, and the screen between them.
import { useQueryClient } from '@tanstack/react-query'
import { Outlet, useNavigate, useParams, useRouter, useRouterState } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useConnected, useEvents } from '~/kernel/events'
import { tellOfSession, watchTyping } from '~/kernel/ended'
import { keepFocus } from '~/kernel/focus'
import { checkVersion, useHealth, watch } from '~/kernel/health'
import { listen, useCommands, type Command } from '~/kernel/keyboard'
import { setTheme } from '~/kernel/theme'
import { Toasts } from '~/ui/Toast'
import { Arrival } from '~/ui/Page'
import { cx } from '~/ui/classes'
import { Banner } from './Banner'
import { useScreens } from './commands'
import { Ended } from './Ended'
import { Footer } from './Footer'
import { Palette } from './Palette'
import { Shortcuts } from './Shortcuts'
import { Sidebar } from './Sidebar'
import { Topbar } from './Topbar'
import { organizationNav } from './nav'

export function Shell() {
  const { org, workspace } = useParams({ strict: false })
  const [drawer, setDrawer] = useState(false)
  const [open, setOpen] = useState<'palette' | 'shortcuts' | undefined>()
  const pathname = useRouterState({ select: (s) => s.location.pathname })
  useEffect(() => setDrawer(false), [pathname])
  useEffect(() => listen(), [])
  useEffect(() => watch(), [])
  useEffect(() => watchTyping(), [])
  useEffect(() => keepFocus(), [])
  useEffect(() => tellOfSession(), [])
  useRecovery()
  const { ended } = useHealth()
  useShellCommands(org, workspace, setOpen)
  useFocusOnArrival()
  return (
    <div className="min-h-screen lg:pl-60 print:pl-0">
      <a href="#content" data-screen-only className="fixed top-2 left-2 z-50 -translate-y-20 rounded-md bg-accent px-3 py-2 text-accent-fg focus:translate-y-0">
        Skip to the content
      </a>
      {drawer && <button type="button" aria-label="Close the navigation" className="fixed inset-0 z-30 bg-black/40 lg:hidden" onClick={() => setDrawer(false)} />}
      <Sidebar org={org} className={cx(drawer ? 'flex' : 'hidden', 'lg:flex')} />
      <Topbar org={org} drawer={drawer} onDrawer={() => setDrawer(!drawer)} onSearch={() => setOpen('palette')} />
      <main id="content" tabIndex={-1} className="outline-none">
        <Outlet />
      </main>
      <Footer />
      {org && <Live org={org} />}
      {open === 'palette' && <Palette org={org} onClose={() => setOpen(undefined)} />}
      {open === 'shortcuts' && <Shortcuts onClose={() => setOpen(undefined)} />}
      {ended && <Ended />}
      <Banner />
      <Toasts />
      <Arrival />
    </div>
  )
}

/** useRecovery reads everything again that is shown when the server is back. */
function useRecovery() {
  const client = useQueryClient()
  const { unreachable } = useHealth()
  const before = useRef(unreachable)
  useEffect(() => {
    if (before.current && !unreachable) void client.invalidateQueries({ refetchType: 'active' })
    before.current = unreachable
  }, [client, unreachable])
}

function Live({ org }: { org: string }) {
  useEvents(org)
  const connected = useConnected()
  useEffect(() => {
    if (connected) void checkVersion() // the server may have been another one meanwhile
  }, [connected])
  return null
}

/** useFocusOnArrival puts the focus on the content of a new screen if what had it is gone, for those who go by keys. */
function useFocusOnArrival() {
  const router = useRouter()
  useEffect(
    () =>
      router.subscribe('onRendered', ({ fromLocation, pathChanged }) => {
        const lost = document.activeElement === null || document.activeElement === document.body
        if (fromLocation && pathChanged && lost) document.getElementById('content')?.focus({ preventScroll: true })
      }),
    [router],
  )
}

function useShellCommands(org: string | undefined, workspace: string | undefined, open: (what: 'palette' | 'shortcuts') => void) {
  const navigate = useNavigate()
  const commands = useMemo<Command[]>(
    () => [
      { id: 'palette', title: 'Search and commands', keys: 'mod+k', group: 'General', run: () => open('palette') },
      { id: 'shortcuts', title: 'Keyboard shortcuts', keys: '?', group: 'General', run: () => open('shortcuts') },
      { id: 'search', title: 'Search in this list', keys: '/', group: 'General', run: () => document.querySelector<HTMLElement>('input[type=search]')?.focus() },
      { id: 'organizations', title: 'Go to your organizations', keys: 'g o', group: 'Go to', run: () => void navigate({ to: '/organizations' }) },
      { id: 'light', title: 'Light theme', group: 'Theme', run: () => setTheme('light') },
      { id: 'dark', title: 'Dark theme', group: 'Theme', run: () => setTheme('dark') },
      { id: 'system', title: "The system's theme", group: 'Theme', run: () => setTheme('system') },
      ...(org
        ? organizationNav.map((n) => ({
            id: `go-${n.path}`, title: `Go to ${n.label.toLowerCase()}`, group: 'Go to', ...(n.key && { keys: `g ${n.key}` }),
            run: () => void navigate({ to: `/${org}/${n.path}` }),
          }))
        : []),
    ],
    [org, navigate, open],
  )
  useCommands(commands)
  const named = useMemo(() => new Set([...(org ? organizationNav.map((n) => `/${org}/${n.path}`) : []), '/organizations']), [org])
  useCommands(useScreens(org, workspace, named))
}
