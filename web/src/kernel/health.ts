// What stands between this page and its server: no network, no answer, another version of
// the UI, or a session that has ended (ended.ts).
import { store, useStore } from './store'

type Health = { offline: boolean; unreachable: boolean; outdated: boolean; ended: boolean }

const health = store<Health>({ offline: typeof navigator !== 'undefined' && navigator.onLine === false, unreachable: false, outdated: false, ended: false })

/** change notes what has become of it. */
export function change(next: Partial<Health>) {
  health.set({ ...health.get(), ...next })
}

/** useHealth is what stands between now. */
export function useHealth(): Health {
  return useStore(health)
}

/** unanswered are the statuses that a proxy answers with when the server behind it does not. */
export const unanswered: readonly number[] = [502, 503, 504]

/** answers reports whether the server answers at all. */
async function answers(): Promise<boolean> {
  try {
    const res = await fetch('/api/v2/ping', { cache: 'no-store', signal: AbortSignal.timeout(10_000) })
    return !unanswered.includes(res.status)
  } catch {
    return false
  }
}

let looking: Promise<void> | undefined
let hurry: () => void = () => undefined
let leaving = false

/**
 * doubt is called when something got no answer. It asks until the server answers, and
 * says so on the page meanwhile; what it returns resolves when the server is there.
 */
export function doubt(): Promise<void> {
  return (looking ??= look().finally(() => (looking = undefined)))
}

/** lookAgain asks the server now, not when its time has come. */
export function lookAgain(): void {
  hurry()
}

async function look(): Promise<void> {
  for (let wait = 1000; !(await answers()); wait = Math.min(wait * 2, 5000)) {
    if (!leaving) change({ unreachable: true })
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait)
      hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  change({ unreachable: false })
}

/** entryOf is the script that a page begins with; its name is another one in each version. */
export function entryOf(html: string): string | undefined {
  return /<script[^>]+src="([^"]*\/assets\/[^"]+\.js)"/.exec(html)?.[1]
}

/** checkVersion asks the server whether it has another version of the UI than this page, and tells. */
export async function checkVersion(): Promise<boolean> {
  const own = document.querySelector('script[type=module][src*="/assets/"]')?.getAttribute('src')
  if (!own || health.get().outdated) return health.get().outdated // pages from Vite have none
  try {
    const res = await fetch('/app/', { cache: 'no-store', redirect: 'manual' })
    const now = res.ok ? entryOf(await res.text()) : undefined
    if (now !== undefined && now !== own) change({ outdated: true })
  } catch {
    // no answer says nothing of versions
  }
  return health.get().outdated
}

/** every is how often versions are compared, in ms. */
const every = 10 * 60_000

/** watch looks after the connection until the function that it returns is called. */
export function watch(): () => void {
  const online = () => {
    change({ offline: false })
    hurry()
  }
  const offline = () => change({ offline: true })
  // A part of the UI that is loaded late did not come: lazy.ts asks for it again, unless it is one of another version.
  const missing = (e: Event) => {
    e.preventDefault()
    void checkVersion()
  }
  const seen = () => document.visibilityState === 'visible' && void checkVersion()
  const back = () => document.visibilityState === 'visible' && hurry()
  const goes = () => (leaving = true)
  const stays = () => (leaving = false)
  const timer = setInterval(seen, every)
  window.addEventListener('online', online)
  window.addEventListener('offline', offline)
  window.addEventListener('vite:preloadError', missing)
  window.addEventListener('pagehide', goes)
  window.addEventListener('pageshow', stays)
  document.addEventListener('visibilitychange', back)
  return () => {
    clearInterval(timer)
    window.removeEventListener('online', online)
    window.removeEventListener('offline', offline)
    window.removeEventListener('vite:preloadError', missing)
    window.removeEventListener('pagehide', goes)
    window.removeEventListener('pageshow', stays)
    document.removeEventListener('visibilitychange', back)
  }
}
