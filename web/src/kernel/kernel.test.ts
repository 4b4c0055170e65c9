import { QueryClient } from '@tanstack/react-query'
import { describe, expect, test, vi } from 'vitest'
import { address } from './api'
import { ago, brief, bytes, count, duration, lasting } from './formats'
import { Included, pageOf, refOf, refsOf } from './jsonapi'
import { pressed } from './keyboard'
import { allQuery, cut, most, withExpected } from './queries'
import { partOf } from './title'
import { parseSearch, stringifySearch, words } from './search'

describe('addresses', () => {
  test('wildcards are encoded, and what is empty is left out', () => {
    expect(address('/organizations/{organization}/workspaces/{name}', { organization: 'a b', name: 'x/y' }, { include: ['run', 'project'], q: '', n: undefined, locked: false })).toBe(
      '/api/v2/organizations/a%20b/workspaces/x%2Fy?include=run%2Cproject&locked=false',
    )
  })
  test('search parameters are text that people can read', () => {
    const text = stringifySearch({ status: 'a,b', q: 'x y', none: undefined })
    expect(text).toBe('?status=a,b&q=x+y')
    expect(parseSearch(text)).toEqual({ status: 'a,b', q: 'x y' })
    expect(words('a,,b')).toEqual(['a', 'b'])
  })
})

describe('documents', () => {
  test('a page knows its resources, what came along, and where it is', () => {
    const page = pageOf<'workspaces'>({
      data: [{ id: 'ws-1', type: 'workspaces', attributes: { name: 'app' }, relationships: { project: { data: { type: 'projects', id: 'prj-1' } }, vars: { links: {} } } }],
      included: [{ id: 'prj-1', type: 'projects', attributes: { name: 'P' } }],
      meta: { pagination: { 'current-page': 2, 'total-pages': 3, 'total-count': 21, 'next-page': 3 } },
    })
    expect(page.pagination).toEqual({ page: 2, pages: 3, total: 21, next: 3 })
    expect(page.included.get('projects', refOf(page.items[0], 'project')?.id)?.attributes.name).toBe('P')
    expect(refOf(page.items[0], 'vars')).toBeUndefined()
    expect(refsOf(page.items[0], 'project')).toEqual([])
    expect(new Included().get('runs', undefined)).toBeUndefined()
  })
})

describe('formats', () => {
  test('times are relative', () => {
    const now = Date.parse('2026-01-10T12:00:00Z')
    expect(ago('2026-01-10T11:59:30Z', now)).toBe('just now')
    expect([ago('2026-01-10T11:55:00Z', now), ago('2026-01-10T09:00:00Z', now), ago('2026-01-02T09:00:00Z', now)]).toEqual(['5 min ago', '3 hr ago', '1 wk ago'])
    expect(ago('2026-01-09T12:00:00Z', now)).toBe('yesterday')
    expect([ago('2026-01-10T12:00:10Z', now), ago('2026-01-10T12:00:50Z', now)]).toEqual(['just now', 'in a moment'])
    expect(['2026-01-10T11:59:50Z', '2026-01-10T11:59:00Z', '2026-01-07T11:00:00Z'].map((t) => lasting(t, now))).toEqual(['since just now', 'for 1 minute', 'for 3 days'])
  })
  test('a long text is told by its beginning', () => {
    expect([brief('Fix it\n\nBecause.'), brief('a'.repeat(12), 10), brief('')]).toEqual(['Fix it', 'aaaaaaaaa…', ''])
  })
  test('durations, sizes and counts', () => {
    expect([duration(4), duration(200), duration(7500)]).toEqual(['4 s', '3 min 20 s', '2 h 5 min'])
    expect([bytes(812), bytes(1400), bytes(20_000_000)]).toEqual(['812 B', '1.4 kB', '20 MB'])
    expect([count(1, 'run'), count(1200, 'run'), count(2, 'match', 'matches')]).toEqual(['1 run', '1,200 runs', '2 matches'])
  })
})

test('a key press has the name that commands use', () => {
  const key = (key: string, ctrlKey = false) => pressed({ key, ctrlKey, metaKey: false, altKey: false })
  expect([key('G'), key('k', true), key('?')]).toEqual(['g', 'mod+k', '?'])
})

test('a part of a thing is called by its address', () => {
  expect(['/$org/settings/teams/$team', '/$org/settings/ssh-keys', '/$org/workspaces/$workspace/', '/$org/projects/$project/varsets'].map(partOf)).toEqual(['Teams', 'SSH keys', undefined, 'Variable sets'])
})

test('a list is read to its end, and one that is too long is said to be', async () => {
  const total = 350
  const asked: string[] = []
  vi.stubGlobal('fetch', (url: string) => {
    const page = Number(new URL(url, 'https://here').searchParams.get('page[number]'))
    asked.push(url)
    const data = Array.from({ length: Math.min(100, total - (page - 1) * 100) }, (_, i) => ({ id: `team-${(page - 1) * 100 + i}`, type: 'teams', attributes: {} }))
    return Promise.resolve(new Response(JSON.stringify({ data, meta: { pagination: { 'current-page': page, 'next-page': page * 100 < total ? page + 1 : null } } })))
  })
  const read = (limit?: number) => new QueryClient().fetchQuery(allQuery('teams', '/organizations/{organization}/teams', { organization: 'acme' }, {}, limit))
  expect((await read()).map((t) => t.id)).toEqual(Array.from({ length: total }, (_, i) => `team-${i}`))
  expect(asked).toHaveLength(4)
  expect(cut.get()).toBe(undefined)
  expect(await read(200)).toHaveLength(200) // its screen says so
  expect(cut.get()).toBe(undefined)
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ data: Array.from({ length: 100 }, (_, i) => ({ id: String(i), type: 'teams', attributes: {} })), meta: { pagination: { 'next-page': 2 } } }))))
  expect(await read()).toHaveLength(most)
  expect(cut.get()).toBe('teams')
  cut.set(undefined)
  vi.unstubAllGlobals()
})

test('what is expected is put into everything that shows it, and into nothing else', () => {
  const e = { kind: 'workspaces', id: 'ws-1', attributes: { locked: false } }
  const [it, other] = ['ws-1', 'ws-2'].map((id) => ({ type: 'workspaces', id, attributes: { name: id, locked: true } }))
  const then = { type: 'workspaces', id: 'ws-1', attributes: { name: 'ws-1', locked: false } }
  expect(withExpected({ item: it, included: 1 }, e)).toEqual({ item: then, included: 1 })
  expect(withExpected({ items: [it, other] }, e)).toEqual({ items: [then, other] })
  expect(withExpected([other, it], e)).toEqual([other, then])
  expect([undefined, null, 'text', { item: { type: 'runs', id: 'ws-1' } }].map((d) => withExpected(d, e))).toEqual([undefined, null, 'text', { item: { type: 'runs', id: 'ws-1' } }])
})
