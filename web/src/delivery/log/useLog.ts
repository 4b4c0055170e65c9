import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { LogStore } from './store'

/** Source is where a log is: followed while it grows, read at once when it is complete. */
export type Source = {
  id: string
  /** where it can be followed, below /api/v2 */
  events: string
  /** where the whole log is, once it is complete */
  url: string | undefined
  complete: boolean
}

export type LogState = { store: LogStore; error: unknown; retry: () => void }

/** useLog reads a log. The store is one and the same for a source, and tells of its changes. */
export function useLog({ id, events, url, complete }: Source): LogState {
  const [store] = useState(() => new LogStore())
  const [error, setError] = useState<unknown>()
  const [attempt, setAttempt] = useState(0)
  // What is followed goes on being followed when it becomes complete: the end comes by itself.
  const whole = useRef(complete)
  useEffect(() => {
    setError(undefined)
    store.reset()
    if (!whole.current) return follow(`/api/v2${events}`, store)
    if (url === undefined) return
    const stop = new AbortController()
    download(url, store, stop.signal).catch((err: unknown) => {
      if (!stop.signal.aborted) setError(err)
    })
    return () => stop.abort()
    // The address is signed anew with each answer; only the first counts.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [events, id, url === undefined, attempt, store])
  return { store, error, retry: () => setAttempt((n) => n + 1) }
}

/** hiddenFor is how long a tab may be hidden before it stops to follow, in ms. */
const hiddenFor = 5000

/**
 * follow hears of what is new. The browser connects again by itself, and goes on where it
 * was. A hidden tab does not keep one of the few connections that a browser opens.
 */
export function follow(url: string, store: LogStore): () => void {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let at = ''
  const connect = () => {
    const s = new EventSource(at === '' ? url : `${url}?since=${at}`)
    source = s
    s.addEventListener('log', (e) => {
      const { data, lastEventId } = e as MessageEvent<string>
      at = lastEventId
      store.append(JSON.parse(data) as string)
    })
    s.addEventListener('end', () => {
      s.close()
      store.end()
    })
    s.addEventListener('error', () => {
      if (s.readyState !== EventSource.CLOSED) return
      // The server refused: it may be starting. Then everything comes from the beginning.
      timer = setTimeout(() => {
        store.reset()
        at = ''
        connect()
      }, 3000)
    })
  }
  const onVisibility = () => {
    clearTimeout(timer)
    if (store.complete) return
    if (document.hidden) timer = setTimeout(() => source?.close(), hiddenFor)
    else if (source?.readyState === EventSource.CLOSED) connect()
  }
  connect()
  document.addEventListener('visibilitychange', onVisibility)
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    source?.close()
    clearTimeout(timer)
  }
}

/** download reads a complete log piece by piece. The address holds without a session; only its path counts, as seen from here. */
async function download(url: string, store: LogStore, signal: AbortSignal): Promise<void> {
  const res = await fetch(new URL(url, window.location.href).pathname, { signal, credentials: 'omit' })
  if (!res.ok || res.body === null) throw new Error(res.status === 403 ? 'The address of the log has expired. Load the page again.' : `The log could not be read (${res.status}).`)
  const reader = res.body.pipeThrough(new TextDecoderStream()).getReader()
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) store.append(piece.value)
  store.end()
}

/** useStore shows a store as it is, at most once a frame. */
export function useStore(store: LogStore): number {
  const subscribe = useRef((notify: () => void) => {
    let frame = 0
    const leave = store.subscribe(() => {
      frame ||= requestAnimationFrame(() => {
        frame = 0
        notify()
      })
    })
    return () => {
      leave()
      cancelAnimationFrame(frame)
    }
  })
  return useSyncExternalStore(subscribe.current, () => store.version)
}
