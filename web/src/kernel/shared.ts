// One stream of changes for all tabs: a browser opens only six connections to a server over
// HTTP/1.1, and a stream keeps one. A tab that leads has the stream and passes on what it
// hears; without channels between tabs, each has its own.
import { lead } from './leader'

/** Change says what has changed: a type, and which one if the server knows; "*" is everything. */
export type Change = { type: string; id?: string; workspace?: string }

type Listener = {
  /** whether the stream works; fresh: it is new, and something may have been missed before */
  onState: (connected: boolean, fresh: boolean) => void
  onChange: (change: Change) => void
}

type Word = { says: 'state'; connected: boolean; fresh: boolean; at: string; lately?: Change[] } | { says: 'change'; change: Change; at: string } | { says: 'hello' }

/**
 * back is how far back a new stream begins, in s: what a page shows when it begins to listen was
 * read a moment before.
 */
const back = 10

/** memory keeps changes for as long as a tab that comes later may have missed them. */
function memory() {
  let kept: { change: Change; until: number }[] = []
  const lately = () => (kept = kept.filter((k) => k.until > Date.now())).map((k) => k.change)
  return { lately, add: (change: Change) => void (lately(), kept.push({ change, until: Date.now() + back * 1000 })) }
}

/** subscribe hears of the changes at an address until the function that it returns is called. */
export function subscribe(url: string, listener: Listener): () => void {
  if (typeof BroadcastChannel === 'undefined') return stream(url, '', listener, () => undefined)
  const channel = new BroadcastChannel(`plumbline.changes.${url}`)
  let at = '' // where the stream is, should this tab have to go on with it
  let leading = false
  let connected = false
  let greeted = false
  const { lately, add } = memory()
  channel.addEventListener('message', (e: MessageEvent<Word>) => {
    const word = e.data
    if (word.says === 'hello') {
      if (leading) channel.postMessage({ says: 'state', connected, fresh: false, at, lately: lately() } satisfies Word)
      return
    }
    at = word.at || at
    if (word.says === 'change') {
      add(word.change)
      listener.onChange(word.change)
      return
    }
    listener.onState(word.connected, word.fresh)
    if (word.lately && !greeted) word.lately.forEach(listener.onChange)
    greeted ||= word.lately !== undefined
  })
  const own: Listener = {
    onState(now, fresh) {
      connected = now
      listener.onState(now, fresh)
      channel.postMessage({ says: 'state', connected: now, fresh, at } satisfies Word)
    },
    onChange(change) {
      add(change)
      listener.onChange(change)
      channel.postMessage({ says: 'change', change, at } satisfies Word)
    },
  }
  const leave = lead(url, () => {
    leading = true
    const close = stream(url, at, own, (id) => (at = id))
    return () => {
      leading = false
      close()
      channel.postMessage({ says: 'state', connected: false, fresh: false, at } satisfies Word)
    }
  })
  channel.postMessage({ says: 'hello' } satisfies Word)
  return () => {
    leave()
    channel.close()
  }
}

/** silence is how long a stream may say nothing, in ms; the server says that it is alive every 15 s. */
const silence = 40_000

/**
 * watchSilence calls dead when nothing was heard for too long: after a laptop has slept, or
 * where something in between has dropped the connection, a stream looks alive for hours.
 */
export function watchSilence(dead: () => void) {
  let last = Date.now()
  const timer = setInterval(() => {
    if (Date.now() - last < silence) return
    last = Date.now()
    dead()
  }, 5000)
  return { heard: () => void (last = Date.now()), stop: () => clearInterval(timer) }
}

/** again is how long after the server has refused a stream it is asked again, in ms. */
const again = 3000

/** stream is a stream of this tab's own; since is where it goes on, if it is not new. */
function stream(url: string, since: string, listener: Listener, onPosition: (id: string) => void): () => void {
  let source: EventSource
  let timer: ReturnType<typeof setTimeout> | undefined
  let last = since
  const watched = watchSilence(() => {
    source.close()
    clearTimeout(timer)
    listener.onState(false, false)
    connect()
  })
  function connect() {
    source = new EventSource(last === '' ? `${url}?back=${back}` : `${url}?since=${encodeURIComponent(last)}`)
    const heard = (e: Event) => {
      watched.heard()
      const { lastEventId } = e as MessageEvent<string>
      if (lastEventId !== '') onPosition((last = lastEventId))
    }
    source.addEventListener('ready', (e) => {
      heard(e)
      const { resumed } = JSON.parse((e as MessageEvent<string>).data) as { resumed: boolean }
      listener.onState(true, !resumed)
    })
    source.addEventListener('changed', (e) => {
      heard(e)
      listener.onChange(JSON.parse((e as MessageEvent<string>).data) as Change)
    })
    source.addEventListener('alive', heard)
    source.addEventListener('error', () => {
      watched.heard() // it is known that nothing comes
      listener.onState(false, false)
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(connect, again) // else the browser connects again by itself
    })
  }
  connect()
  return () => {
    watched.stop()
    clearTimeout(timer)
    source.close()
  }
}
