import { Problem, isPassing } from './problem'
import { afterEach, expect, test, vi } from 'vitest'
import { checkVersion, entryOf, useHealth } from './health'

vi.mock('react', () => ({ useSyncExternalStore: (_: unknown, get: () => unknown) => get() }))

afterEach(() => vi.unstubAllGlobals())

test('the first script names the version of a page', () => {
  expect(entryOf('<html><script type="module" crossorigin src="/app/assets/index-B1.js"></script>')).toBe('/app/assets/index-B1.js')
  expect(entryOf('<h1>The web UI is not in this binary</h1>')).toBeUndefined()
})

test('a page is outdated when the server has another one, and only then', async () => {
  vi.stubGlobal('document', { querySelector: () => ({ getAttribute: () => '/app/assets/index-A.js' }) })
  const answer = (text: string, ok = true) => vi.stubGlobal('fetch', () => Promise.resolve({ ok, text: () => Promise.resolve(text) }))
  const page = (name: string) => `<script type="module" src="/app/assets/${name}.js"></script>`
  for (const [text, ok] of [[page('index-A'), true], ['<html>', true], [page('index-B'), false]] as const) {
    answer(text, ok)
    await checkVersion()
    expect(useHealth().outdated).toBe(false)
  }
  answer(page('index-B'))
  await checkVersion()
  expect(useHealth().outdated).toBe(true)
})

test('what is only in passing is asked for again: no answer, a busy server, a proxy without its server', () => {
  expect([0, 429, 502, 503, 504].map((status) => isPassing(new Problem(status)))).toEqual([true, true, true, true, true])
  expect([400, 401, 403, 404, 409, 422, 500].map((status) => isPassing(new Problem(status)))).toEqual([false, false, false, false, false, false, false])
  expect(isPassing(new Problem(503, [{ detail: 'The database does not answer.' }]))).toBe(false)
  expect(isPassing(new Error('anything'))).toBe(false)
})
