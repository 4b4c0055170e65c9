import { useSyncExternalStore } from 'react'
import { ago, moment } from '~/kernel/formats'

// One clock for all times on the page.
let now = Date.now()
const watchers = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(notify: () => void) {
  watchers.add(notify)
  if (timer === undefined) now = Date.now()
  timer ??= setInterval(() => {
    now = Date.now()
    for (const w of watchers) w()
  }, 15_000)
  return () => {
    watchers.delete(notify)
    if (watchers.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** Time is a moment as people say it; the full time shows when the pointer rests. */
export function Time({ at, className }: { at: string | null | undefined; className?: string }) {
  const clock = useSyncExternalStore(subscribe, () => now)
  if (!at) return <span className={className}>never</span>
  return (
    <time dateTime={at} title={moment(at)} className={className}>
      {ago(at, clock)}
    </time>
  )
}
