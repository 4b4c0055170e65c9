import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { signed } from '~/kernel/api'
import { Problem } from '~/kernel/problem'
import { watchSilence } from '~/kernel/shared'
import { LogStore } from './store'

/** Source is where a log is: followed while it grows, read at once when it is complete. */
export type Source = {
  id: string
  /** where it can be followed */
  events: string
  /** where the whole log is, once it is complete */
  url: string | undefined
  complete: boolean
}

type LogState = { store: LogStore; error: unknown; retry: () => void }

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
    if (!whole.current) return follow(events, store, url, setError)
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

/** hiddenFor is how long a tab may be hidden before it stops to follow, in ms; muteFor, how long streams may take to say their first word, refusals included. */
const hiddenFor = 5000
const muteFor = 6000

/**
 * follow hears of what is new. The browser connects again by itself, and goes on where it
 * was. A hidden tab does not keep one of the few connections that a browser opens. Where no
 * stream comes through or each is refused, as behind some proxies, the log is asked for its
 * new text instead; failed hears when that is refused too.
 */
export function follow(url: string, store: LogStore, readable?: string, failed: (err: Problem) => void = () => undefined): () => void {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let mute: ReturnType<typeof setTimeout> | undefined
  let stopAsking: (() => void) | undefined
  let at = ''
  const connect = () => {
    const s = new EventSource(at === '' ? url : `${url}?since=${at}`)
    source = s
    if (readable !== undefined) mute ??= setTimeout(askInstead, muteFor)
    const heard = () => {
      unmute()
      watched.heard()
    }
    s.addEventListener('alive', heard)
    s.addEventListener('log', (e) => {
      heard()
      const { data, lastEventId } = e as MessageEvent<string>
      at = lastEventId
      store.append(JSON.parse(data) as string)
    })
    s.addEventListener('end', () => {
      heard()
      s.close()
      store.end()
    })
    s.addEventListener('error', () => {
      if (s.readyState !== EventSource.CLOSED || stopAsking) return
      // The server refused: it may be starting. Then everything comes from the beginning.
      timer = setTimeout(() => {
        store.reset()
        at = ''
        connect()
      }, 3000)
    })
  }
  const unmute = () => {
    clearTimeout(mute)
    mute = undefined
  }
  const askInstead = () => {
    source?.close()
    clearTimeout(timer)
    watched.stop()
    stopAsking = ask(readable ?? '', Number(at), store, failed)
  }
  const watched = watchSilence(() => {
    if (store.complete || document.hidden) return
    clearTimeout(timer)
    source?.close()
    connect()
  })
  const onVisibility = () => {
    clearTimeout(timer)
    if (store.complete || stopAsking) return
    if (document.hidden) {
      timer = setTimeout(() => {
        unmute()
        source?.close()
      }, hiddenFor)
    } else if (source?.readyState === EventSource.CLOSED) connect()
  }
  connect()
  document.addEventListener('visibilitychange', onVisibility)
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    source?.close()
    watched.stop()
    stopAsking?.()
    clearTimeout(timer)
    unmute()
  }
}

/** askEvery is how often a log is asked for what is new, in ms. */
const askEvery = 2000

/** ask reads what a log has behind an offset again and again, until it is complete, or no longer to be had: failed hears of that. */
function ask(url: string, from: number, store: LogStore, failed: (err: Problem) => void): () => void {
  const stop = new AbortController()
  const decoder = new TextDecoder()
  let at = from
  let timer: ReturnType<typeof setTimeout> | undefined
  const next = async () => {
    try {
      const bytes = await (await signed(`${url}?offset=${at}`, { signal: stop.signal })).arrayBuffer()
      at += bytes.byteLength
      store.append(decoder.decode(bytes, { stream: true }))
    } catch (err) {
      if (err instanceof Problem && [403, 404, 410].includes(err.status)) return failed(err)
      // else it is asked again
    }
    if (!store.complete && !stop.signal.aborted) timer = setTimeout(() => void next(), askEvery)
  }
  void next()
  return () => {
    stop.abort()
    clearTimeout(timer)
  }
}

/** download reads a complete log piece by piece. */
async function download(url: string, store: LogStore, signal: AbortSignal): Promise<void> {
  const res = await signed(url, { signal })
  if (res.body === null) return store.end()
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
