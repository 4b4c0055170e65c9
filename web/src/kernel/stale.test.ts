import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { collector } from './events'
import { oneOf, pageOf } from './jsonapi'
import { readAgain, shows, touches } from './stale'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A server that answers slowly with what it had when it was asked. */
function server(took: number) {
  const s = { status: 'opening', asked: 0 }
  const queryFn = () => {
    s.asked++
    const status = s.status
    return new Promise<string>((resolve) => setTimeout(() => resolve(status), took))
  }
  return { s, queryFn }
}

/** page shows what a query has read; without observe it is only being loaded, as before a page is there. */
function page(took: number, observe = true) {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: 10_000, retry: false } } })
  const { s, queryFn } = server(took)
  const queryKey = ['drift-adoptions', 'read', 'x']
  if (observe) new QueryObserver(client, { queryKey, queryFn }).subscribe(() => undefined)
  else void client.prefetchQuery({ queryKey, queryFn })
  return { client, s, queryKey, queryFn, data: () => client.getQueryData(queryKey), changes: collector(client) }
}

describe('what changes while it is being read', () => {
  test('is read once more when it is there, if it is read for the first time', async () => {
    const p = page(1000)
    await vi.advanceTimersByTimeAsync(100)
    p.s.status = 'open'
    p.changes.add({ type: 'drift-adoptions', id: 'x' })
    await vi.advanceTimersByTimeAsync(950)
    expect(p.data()).toBe('opening')
    await vi.advanceTimersByTimeAsync(1100)
    expect([p.data(), p.s.asked]).toEqual(['open', 2])
  })

  test('is read again when the page comes, if it was being loaded before', async () => {
    const p = page(1000, false)
    await vi.advanceTimersByTimeAsync(100)
    p.s.status = 'open'
    p.changes.add({ type: 'drift-adoptions', id: 'x' })
    await vi.advanceTimersByTimeAsync(1500)
    expect([p.data(), p.s.asked]).toEqual(['opening', 1])
    new QueryObserver(p.client, { queryKey: p.queryKey, queryFn: p.queryFn, staleTime: 10_000 }).subscribe(() => undefined)
    await vi.advanceTimersByTimeAsync(1100)
    expect(p.data()).toBe('open')
  })

  test('is read by a change of this page too', async () => {
    const p = page(1000)
    await vi.advanceTimersByTimeAsync(100)
    p.s.status = 'open'
    void readAgain(p.client, (q) => q.queryKey[0] === 'drift-adoptions', true)
    await vi.advanceTimersByTimeAsync(2100)
    expect(p.data()).toBe('open')
  })

  test('gets to the page although changes never end', async () => {
    const p = page(1000)
    await vi.advanceTimersByTimeAsync(1000)
    for (let i = 1; i <= 30; i++) {
      p.s.status = `step ${i}`
      p.changes.add({ type: 'drift-adoptions', id: 'x' })
      await vi.advanceTimersByTimeAsync(200)
    }
    expect(Number(String(p.data()).replace('step ', ''))).toBeGreaterThan(20)
    await vi.advanceTimersByTimeAsync(2500)
    expect(p.data()).toBe('step 30')
    expect(p.s.asked).toBeLessThan(12)
  })

  test('is read anew at once after a change of this page', async () => {
    const p = page(1000)
    await vi.advanceTimersByTimeAsync(1100)
    void p.client.invalidateQueries()
    await vi.advanceTimersByTimeAsync(500)
    p.s.status = 'open'
    let done = false
    void readAgain(p.client, () => true, true).then(() => (done = true))
    await vi.advanceTimersByTimeAsync(600)
    expect([p.data(), done]).toEqual(['opening', false])
    await vi.advanceTimersByTimeAsync(500)
    expect([p.data(), done, p.s.asked]).toEqual(['open', true, 3])
  })
})

describe('a change', () => {
  /** asked counts the reads of queries with these keys and data after the changes. */
  async function asked(data: Record<string, unknown>, change: { type: string; id?: string }) {
    const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } })
    const again: string[] = []
    for (const [kind, read] of Object.entries(data)) {
      client.setQueryData([kind], read)
      const queryFn = () => (again.push(kind), Promise.resolve(read))
      new QueryObserver(client, { queryKey: [kind], queryFn }).subscribe(() => undefined)
    }
    const c = collector(client)
    c.add(change)
    c.add(change)
    await vi.advanceTimersByTimeAsync(300)
    return again
  }

  test('makes stale what counts it, and everything if it is not known what it was', async () => {
    const data = { workspaces: 1, 'run-events': 1, tags: 1 }
    expect(await asked(data, { type: 'runs', id: 'run-1' })).toEqual(['workspaces', 'run-events'])
    expect(await asked(data, { type: '*' })).toEqual(['workspaces', 'run-events', 'tags'])
  })

  test('makes stale what shows it: by itself, in a list, or because it came along', async () => {
    const it = { type: 'drift-repositories', id: 'drr-1', attributes: {} }
    const other = { type: 'x', id: '1', attributes: {} }
    const page = pageOf({ data: [other], included: [it] })
    const change = { type: 'drift-repositories', id: 'drr-1' }
    expect([page, pageOf({ data: [other, it] }), oneOf({ data: it }), oneOf({ data: other, included: [it] }), [other, it], it].map((d) => shows(d, change))).toEqual(Array(6).fill(true))
    expect([undefined, null, 7, 'drr-1', [], {}, pageOf({ data: [other] }), oneOf({ data: other }), page].map((d) => shows(d, { ...change, id: 'drr-2' }))).toEqual(Array(9).fill(false))
    expect(shows(page, { type: 'drift-repositories' })).toBe(true)
    expect(await asked({ runs: page, tags: pageOf({ data: [other] }) }, change)).toEqual(['runs'])
  })

  test('waits for what the page itself is changing', async () => {
    const { client, s, changes } = page(0)
    await vi.advanceTimersByTimeAsync(10)
    const busy = vi.spyOn(client, 'isMutating').mockReturnValue(1)
    changes.add({ type: '*' })
    await vi.advanceTimersByTimeAsync(1000)
    expect(s.asked).toBe(1)
    busy.mockReturnValue(0)
    await vi.advanceTimersByTimeAsync(200)
    expect(s.asked).toBe(2)
  })
})

describe('kinds', () => {
  const sources = Object.entries(import.meta.glob<string>('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true })).filter(([name]) => !name.includes('.test.') && !name.includes('schema.d'))
  const all = (pattern: RegExp) => new Set(sources.flatMap(([, text]) => [...text.matchAll(pattern)].map((m) => m[1] ?? '')))
  const keys = all(/(?:(?:list|all|whole|read)Query\(|queryKey: \[|kind=)['"]([a-z-]+)['"]/g)

  test('that a change makes stale are those of queries', () => {
    expect(keys.size).toBeGreaterThan(60)
    const named = new Set([...Object.values(touches).flat(), ...sources.flatMap(([, text]) => [...text.matchAll(/useChange\(\s*\[([^\]]*)\]/g)].flatMap((m) => [...(m[1] ?? '').matchAll(/'([a-z-]+)'/g)].map((k) => k[1] ?? '')))])
    expect([...named].filter((kind) => !keys.has(kind))).toEqual([])
  })

  // Nothing on the server is of these types by itself, so no change names them.
  test('that are made of others are stale when those are', () => {
    const made = ['run-events', 'resources', 'visibility-workspaces', 'drift-summaries', 'drift-heat-maps', 'drift-finding-groups', 'drift-blind-spots', 'drift-episode-events', 'drift-remedies', 'drift-schedule-preview']
    expect(made.filter((kind) => !keys.has(kind))).toEqual([])
    expect(made.filter((kind) => !Object.values(touches).flat().includes(kind))).toEqual([])
  })

  test('are among what they make stale, unless no query is about them', () => {
    expect(Object.entries(touches).filter(([kind, stale]) => keys.has(kind) && !stale.includes(kind))).toEqual([])
  })
})
