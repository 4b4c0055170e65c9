import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { messageOf } from '~/kernel/problem'
import { LogStore } from './store'
import { follow } from './useLog'

class Source extends EventTarget {
  static readonly CLOSED = 2
  static all: Source[] = []
  readyState = 1
  constructor(readonly url: string) {
    super()
    Source.all.push(this)
  }
  say(name: string, data: unknown, id: string) {
    this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data), lastEventId: id }))
  }
  close() {
    this.readyState = 2
  }
}

let page: EventTarget & { hidden: boolean }

beforeEach(() => {
  vi.useFakeTimers()
  Source.all = []
  page = Object.assign(new EventTarget(), { hidden: false })
  vi.stubGlobal('EventSource', Source)
  vi.stubGlobal('document', page)
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function hide(hidden: boolean) {
  page.hidden = hidden
  page.dispatchEvent(new Event('visibilitychange'))
}

test('where no stream comes through, the log is asked for what is new until it is complete', async () => {
  const whole = new TextEncoder().encode('\u0002one\nzwölf\n\u0003')
  let there = 0
  const asked: string[] = []
  vi.stubGlobal('window', { location: { href: 'https://here/app/' } })
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url)
    return Promise.resolve(new Response(whole.slice(Number(new URL(url, 'https://here').searchParams.get('offset')), there)))
  })
  const store = new LogStore()
  const stop = follow('/log', store, 'https://elsewhere/_archivist/x')
  await vi.advanceTimersByTimeAsync(5000)
  expect(asked).toEqual([])
  there = 8 // in the middle of a character
  await vi.advanceTimersByTimeAsync(2000)
  expect(store.text()).toBe('one\nzw')
  expect(Source.all[0]?.readyState).toBe(2)
  there = whole.length
  await vi.advanceTimersByTimeAsync(2000)
  expect(store.text()).toBe('one\nzwölf')
  expect(store.complete).toBe(true)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(asked).toEqual(['/_archivist/x?offset=0', '/_archivist/x?offset=8'])
  stop()
})

test('where each stream is refused, the log is asked too, and says when that is refused', async () => {
  const texts = ['\u0002one\n', '']
  let refusing = false
  vi.stubGlobal('window', { location: { href: 'https://here/app/' } })
  vi.stubGlobal('fetch', () => Promise.resolve(refusing ? new Response('', { status: 403 }) : new Response(texts.shift() ?? '')))
  const store = new LogStore()
  const failed = vi.fn<(err: Error) => void>()
  const stop = follow('/log', store, '/_archivist/x', failed)
  const refuse = () => {
    const last = Source.all.at(-1)
    last?.close()
    last?.dispatchEvent(new Event('error'))
  }
  refuse()
  await vi.advanceTimersByTimeAsync(3000)
  expect(Source.all).toHaveLength(2) // the server may be starting
  refuse()
  await vi.advanceTimersByTimeAsync(3000)
  expect(store.text()).toBe('one')
  await vi.advanceTimersByTimeAsync(10_000)
  expect(Source.all.filter((s) => s.readyState !== 2)).toEqual([])
  expect(failed).not.toHaveBeenCalled()
  refusing = true
  await vi.advanceTimersByTimeAsync(2000)
  expect(failed.mock.calls.map(([err]) => messageOf(err))).toEqual(['The address of this file has expired. Load the page again.'])
  stop()
})

test('a tab that is hidden for long gives up its connection, and goes on where it was when it is seen', () => {
  const store = new LogStore()
  const stop = follow('/log', store)
  Source.all[0]?.say('log', 'one\n', '4')
  hide(true)
  vi.advanceTimersByTime(1000)
  hide(false) // only for a moment
  vi.advanceTimersByTime(10_000)
  expect(Source.all.map((s) => s.readyState)).toEqual([1])
  hide(true)
  vi.advanceTimersByTime(10_000)
  expect(Source.all[0]?.readyState).toBe(2)
  hide(false)
  expect(Source.all[1]?.url).toBe('/log?since=4')
  Source.all[1]?.say('log', 'two\n', '8')
  expect(store.text()).toBe('one\ntwo')
  Source.all[1]?.say('end', '', '8')
  hide(true)
  hide(false)
  expect(Source.all).toHaveLength(2) // nothing more comes
  stop()
})
