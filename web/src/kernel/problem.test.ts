import { afterEach, expect, test, vi } from 'vitest'
import { send } from './api'
import { Problem, adviceOf, faultsOf, fieldsOf, messageOf, problemOf, waitOf } from './problem'

const answer = (status: number, errors: unknown[], headers: Record<string, string> = {}) => problemOf(new Response(JSON.stringify({ errors }), { status, headers }))
const about = (pointer: string, detail: string) => ({ detail, source: { pointer } })

afterEach(() => vi.unstubAllGlobals())

test('errors name the fields that they are about', async () => {
  const p = await answer(422, [about('/data/attributes/name', 'Name has already been taken'), about('/data', 'The document is too old.'), { title: 'invalid' }])
  expect(fieldsOf(p)).toEqual({ name: 'Name has already been taken' })
  expect(faultsOf(p).map((f) => f.text)).toEqual(['Name has already been taken', 'The document is too old.', 'invalid'])
  expect(messageOf(p)).toBe('Name has already been taken. The document is too old. invalid')
})

test('all that is said of a field is joined', async () => {
  const p = await answer(422, [about('/data/attributes/name', 'Name is too short'), about('/data/relationships/project', 'There is none.'), about('/data/attributes/name/1', 'Name has a space')])
  expect(fieldsOf(p)).toEqual({ name: 'Name is too short. Name has a space', project: 'There is none.' })
})

test('an answer that is not JSON still says something, and what to do', async () => {
  const p = await problemOf(new Response('<html>', { status: 502 }))
  expect(p).toBeInstanceOf(Problem)
  expect(messageOf(p)).toBe('The server does not answer (502). Nothing that you typed is lost: try again when it is back.')
  expect(messageOf(await answer(403, [{ status: '403', title: 'forbidden' }]))).toBe('You may not do that.')
  expect(messageOf(await answer(409, []))).toBe('Somebody else has changed this meanwhile. Look at how it is now, and try again if that is still what you want.')
  expect(messageOf(new Problem(418))).toContain('(418)')
})

test('who asks too often is told when to ask again', async () => {
  const now = Date.parse('2026-01-10T12:00:00Z')
  expect(messageOf(await answer(429, [{ detail: 'Slower.' }], { 'Retry-After': '75' }))).toBe('Slower. Try again in 1 min 15 s.')
  expect(adviceOf(await answer(429, [], { 'X-RateLimit-Reset': '0.033' }))).toEqual(['Try again in a moment.'])
  expect(['Sat, 10 Jan 2026 12:00:20 GMT', 'soon'].map((v) => waitOf(new Headers({ 'Retry-After': v }), now))).toEqual([20, undefined])
  expect(waitOf(new Headers())).toBeUndefined()
})

test('what is no answer of the server is no riddle', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('<html>Log in to the proxy</html>')))
  await expect(send('GET', '/api/v2/ping')).rejects.toThrow('Something between this page and the server has answered in its place.')
})

test('a change does not wait for ever', async () => {
  let limit: AbortSignal | null | undefined
  vi.stubGlobal('fetch', (_url: string, r: RequestInit) => {
    if (r.method === 'PATCH') limit = r.signal
    return r.method === 'PATCH' ? Promise.reject(new DOMException('', 'TimeoutError')) : Promise.resolve(new Response(''))
  })
  const error: unknown = await send('PATCH', '/api/v2/account/update', {}).catch((err: unknown) => err)
  expect(limit).toBeInstanceOf(AbortSignal)
  expect(messageOf(error)).toContain('It may have done it all the same')
})
