import { useSyncExternalStore } from 'react'
import { ago, lasting, moment } from '~/kernel/formats'

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

type Props = { at: string | null | undefined; className?: string }

/** Time is a moment as people say it; the full time shows when the pointer rests. */
export function Time({ at, className }: Props) {
  return <Said at={at} className={className} words={ago} none="never" />
}

/** Since is for how long something has been so: "for 3 days". */
export function Since({ at, className }: Props) {
  return <Said at={at} className={className} words={lasting} none="" />
}

function Said({ at, className, words, none }: { at: string | null | undefined; className: string | undefined; words: typeof ago; none: string }) {
  const clock = useSyncExternalStore(subscribe, () => now)
  if (!at) return <span className={className}>{none}</span>
  return (
    <time dateTime={at} title={moment(at)} className={className}>
      {words(at, clock)}
    </time>
  )
}
