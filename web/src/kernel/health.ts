// What stands between this page and its server: no network, another version of the UI, or
// a session that has ended.
import { useSyncExternalStore } from 'react'

type Health = { offline: boolean; outdated: boolean }

let health: Health = { offline: typeof navigator !== 'undefined' && navigator.onLine === false, outdated: false }
const watchers = new Set<() => void>()

function change(next: Partial<Health>) {
  health = { ...health, ...next }
  for (const notify of watchers) notify()
}

export function useHealth(): Health {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify)
      return () => watchers.delete(notify)
    },
    () => health,
  )
}

/** entryOf is the script that a page begins with; its name is another one in each version. */
export function entryOf(html: string): string | undefined {
  return /<script[^>]+src="([^"]*\/assets\/[^"]+\.js)"/.exec(html)?.[1]
}

/** checkVersion asks the server whether it has another version of the UI than this page. */
export async function checkVersion(): Promise<void> {
  const own = document.querySelector('script[type=module][src*="/assets/"]')?.getAttribute('src')
  if (!own || health.outdated) return // pages from Vite have none
  try {
    const res = await fetch('/app/', { cache: 'no-store', redirect: 'manual' })
    const now = res.ok ? entryOf(await res.text()) : undefined
    if (now !== undefined && now !== own) change({ outdated: true })
  } catch {
    // no answer says nothing of versions
  }
}

/** every is how often versions are compared, in ms. */
const every = 10 * 60_000

/** watch looks after the connection until the function that it returns is called. */
export function watch(): () => void {
  const online = () => change({ offline: false })
  const offline = () => change({ offline: true })
  // A part of the UI that is loaded late is not there any more.
  const missing = (e: Event) => {
    e.preventDefault()
    change({ outdated: true })
  }
  const seen = () => document.visibilityState === 'visible' && void checkVersion()
  const timer = setInterval(seen, every)
  window.addEventListener('online', online)
  window.addEventListener('offline', offline)
  window.addEventListener('vite:preloadError', missing)
  return () => {
    clearInterval(timer)
    window.removeEventListener('online', online)
    window.removeEventListener('offline', offline)
    window.removeEventListener('vite:preloadError', missing)
  }
}
