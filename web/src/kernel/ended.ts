// A session that ends while a page is open. Who has typed nothing is led to the login and
// back. Who has typed something stays: they log in in another tab, and what waits goes on.
import { change } from './health'

const touched = new Set<Element>()

/** watchTyping notes where something is typed until the function that it returns is called. */
export function watchTyping(): () => void {
  const note = (e: Event) => e.target instanceof Element && e.target.closest('form, dialog') && touched.add(e.target)
  document.addEventListener('input', note)
  return () => document.removeEventListener('input', note)
}

/** typed reports whether something was typed into what is still on the page. */
function typed(): boolean {
  for (const e of touched) if (!e.isConnected) touched.delete(e)
  return touched.size > 0
}

let waiting: Promise<void> | undefined
let goOn: () => void = () => undefined

/** again resolves when the user is logged in again. */
export function again(): Promise<void> {
  waiting ??= new Promise((resolve) => {
    goOn = resolve
    if (typed()) change({ ended: true })
    else toLogin()
  })
  return waiting
}

/** toLogin leads to the login page, and back to here afterwards. */
export function toLogin(): void {
  window.addEventListener('pageshow', (e) => e.persisted && window.location.reload()) // who comes back finds nothing waiting
  window.location.assign(`/app/login?next=${encodeURIComponent(window.location.pathname + window.location.search + window.location.hash)}`)
}

/** resume asks whose session there is now. If it is that of the user, what waits goes on; what was typed is nobody else's business. */
export async function resume(user: string): Promise<void> {
  const res = await fetch('/api/v2/account/details', { cache: 'no-store', headers: { Accept: 'application/vnd.api+json' } }).catch(() => undefined)
  if (!res?.ok) return
  const { data } = (await res.json()) as { data: { id: string } }
  if (data.id !== user) return window.location.reload()
  waiting = undefined
  change({ ended: false })
  goOn()
}

const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('plumbline.session')

/** tellOfSession tells other tabs that there is a session: this page could not be open without one. */
export function tellOfSession(): void {
  channel?.postMessage('begun')
}

/** onSession is called when another tab has a session; the function that it returns ends that. */
export function onSession(hear: () => void): () => void {
  channel?.addEventListener('message', hear)
  return () => channel?.removeEventListener('message', hear)
}
