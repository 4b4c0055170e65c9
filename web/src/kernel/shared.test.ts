import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { lead } from './leader'
import { subscribe, type Change } from './shared'

/** Source is a stream that the test speaks for. */
class Source extends EventTarget {
  static readonly CLOSED = 2
  static all: Source[] = []
  readyState = 1
  constructor(readonly url: string) {
    super()
    Source.all.push(this)
  }
  static open() {
    return Source.all.filter((s) => s.readyState === 1)
  }
  say(name: string, data: unknown, id = '') {
    this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data), lastEventId: id }))
  }
  close() {
    this.readyState = 2
  }
}

/** Channel passes messages on at once. */
class Channel extends EventTarget {
  static all: Channel[] = []
  constructor(readonly name: string) {
    super()
    Channel.all.push(this)
  }
  postMessage(data: unknown) {
    for (const c of Channel.all) if (c !== this && c.name === this.name) c.dispatchEvent(Object.assign(new Event('message'), { data }))
  }
  close() {
    Channel.all = Channel.all.filter((c) => c !== this)
  }
}

/** locks are those of the browser: one holder of a name, the others wait in order. */
function locks() {
  const queues = new Map<string, Promise<unknown>>()
  return {
    request(name: string, { signal }: { signal: AbortSignal }, work: () => Promise<void>) {
      const turn = (queues.get(name) ?? Promise.resolve()).then(() => (signal.aborted ? undefined : work()))
      queues.set(name, turn)
      return turn
    },
  }
}

/** settle lets promises go on. */
const settle = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

function tab() {
  const heard: Change[] = []
  const states: [boolean, boolean][] = []
  const leave = subscribe('/events', { onChange: (c) => heard.push(c), onState: (connected, fresh) => states.push([connected, fresh]) })
  return { heard, states, leave }
}

beforeEach(() => {
  Source.all = []
  Channel.all = []
  vi.stubGlobal('EventSource', Source)
  vi.stubGlobal('BroadcastChannel', Channel)
  vi.stubGlobal('navigator', { locks: locks() })
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the stream of changes', () => {
  test('is one for seven tabs, and all hear the same', async () => {
    const tabs = Array.from({ length: 7 }, tab)
    await settle()
    expect(Source.open()).toHaveLength(1)
    Source.all[0]?.say('ready', { resumed: false }, 'n.1')
    Source.all[0]?.say('changed', { type: 'runs', id: 'run-1' }, 'n.2')
    for (const t of tabs) {
      expect(t.heard).toEqual([{ type: 'runs', id: 'run-1' }])
      expect(t.states.at(-1)).toEqual([true, true])
    }
  })

  test('is gone on with by another tab when its own closes', async () => {
    const [first, second] = [tab(), tab()]
    await settle()
    Source.all[0]?.say('ready', { resumed: false }, 'n.1')
    Source.all[0]?.say('changed', { type: 'runs' }, 'n.7')
    first.leave()
    await settle()
    expect(second.states.at(-1)).toEqual([false, false])
    expect(Source.open().map((s) => s.url)).toEqual(['/events?since=n.7'])
    Source.open()[0]?.say('ready', { resumed: true }, 'n.7')
    expect(second.states.at(-1)).toEqual([true, false])
  })

  test('is known to work by a tab that comes later', async () => {
    tab()
    await settle()
    Source.all[0]?.say('ready', { resumed: false }, 'n.1')
    expect(tab().states).toEqual([[true, false]])
  })

  test('begins with what has changed while the page was read', async () => {
    const first = tab()
    await settle()
    expect(Source.open().map((s) => s.url)).toEqual(['/events?back=10'])
    vi.useFakeTimers()
    Source.all[0]?.say('ready', { resumed: false }, 'n.1')
    Source.all[0]?.say('changed', { type: 'teams' }, 'n.2')
    vi.advanceTimersByTime(9000)
    Source.all[0]?.say('changed', { type: 'runs', id: 'run-1' }, 'n.3')
    vi.advanceTimersByTime(2000)
    const later = tab() // it read the run before the change, and hears of the others only from now on
    expect(later.heard).toEqual([{ type: 'runs', id: 'run-1' }])
    const last = tab()
    expect([first, later, last].map((t) => t.heard.length)).toEqual([2, 1, 1])
  })

  test('is a stream of its own where tabs cannot talk', async () => {
    vi.stubGlobal('BroadcastChannel', undefined)
    const tabs = [tab(), tab()]
    await settle()
    expect(Source.open()).toHaveLength(2)
    for (const t of tabs) t.leave()
    expect(Source.open()).toHaveLength(0)
  })

  test('is opened anew when it says nothing for long, as after a laptop has slept', async () => {
    vi.useFakeTimers()
    const { states } = tab()
    await settle()
    Source.all[0]?.say('ready', { resumed: false }, 'n.1')
    for (let i = 0; i < 10; i++) {
      vi.advanceTimersByTime(15_000)
      Source.all[0]?.say('alive', {}, 'n.4')
    }
    expect(Source.all).toHaveLength(1)
    vi.advanceTimersByTime(45_000)
    expect(states.at(-1)).toEqual([false, false])
    expect(Source.open().map((s) => s.url)).toEqual(['/events?since=n.4'])
  })

  test('is asked for again when the server has refused it', async () => {
    vi.useFakeTimers()
    tab()
    await settle()
    Source.all[0]?.say('ready', { resumed: false }, 'n.3')
    Source.all[0]?.close()
    Source.all[0]?.say('error', {})
    vi.advanceTimersByTime(3000)
    expect(Source.open().map((s) => s.url)).toEqual(['/events?since=n.3'])
  })
})

describe('lead without locks', () => {
  test('makes one lead, and another when it has gone', () => {
    vi.useFakeTimers()
    vi.stubGlobal('navigator', {})
    const kept = new Map<string, string>()
    vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k) })
    vi.stubGlobal('window', new EventTarget())
    const leads: string[] = []
    const start = (name: string) => () => {
      leads.push(name)
      return () => leads.push(`${name} ends`)
    }
    const leaveOne = lead('x', start('one'))
    lead('x', start('two'))
    vi.advanceTimersByTime(20_000)
    expect(leads).toEqual(['one'])
    leaveOne()
    vi.advanceTimersByTime(2000)
    expect(leads).toEqual(['one', 'one ends', 'two'])
    kept.set('plumbline.lead.x', JSON.stringify({ tab: 'dead', until: Date.now() + 3000 })) // it took over, and then died
    vi.advanceTimersByTime(2000)
    expect(leads.at(-1)).toBe('two ends')
    vi.advanceTimersByTime(4000)
    expect(leads.at(-1)).toBe('two')
  })
})
