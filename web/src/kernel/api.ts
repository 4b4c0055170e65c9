// Requests to the API. The paths and the types of answers are those of the server's own
// OpenAPI document, so a path that does not exist does not compile.
import { again } from './ended'
import { doubt, unanswered } from './health'
import { Included, oneOf, pageOf, type Kind, type One, type Page } from './jsonapi'
import { Problem, problemOf } from './problem'
import type { paths } from './schema'

type Method = 'get' | 'post' | 'patch' | 'put' | 'delete'

/** Path is a path below /api/v2 that has the method. */
export type Path<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? (P extends `/api/v2${infer Rest}` ? Rest : never) : never
}[keyof paths]

/** AnyPath is a path below /api/v2, whatever its methods. */
type AnyPath = { [P in keyof paths]: P extends `/api/v2${infer Rest}` ? Rest : never }[keyof paths]

type Names<P extends string> = P extends `${string}{${infer N}}${infer Rest}` ? N | Names<Rest> : never

/** Params are the wildcards of a path. */
export type Params<P extends string> = Record<Names<P>, string>

/** Query are parameters; lists are joined by commas, and what is undefined or empty is left out. */
export type Query = Record<string, string | number | boolean | readonly string[] | undefined>

type Content<P extends string, M extends Method> = `/api/v2${P}` extends infer K
  ? K extends keyof paths
    ? M extends keyof paths[K]
      ? paths[K][M] extends { responses: infer R }
        ? R[keyof R & (200 | 201 | 202)] extends { content: { 'application/vnd.api+json': infer C } }
          ? C
          : never
        : never
      : never
    : never
  : never
type Type<D> = D extends { data: (infer I)[] } ? Type<{ data: I }> : D extends { data: { type: infer T } } ? Extract<T, Kind> : never

/** KindAt is the kind of resource that a path answers with. */
type KindAt<P extends string, M extends Method> = Type<Content<P, M>>

const base = '/api/v2'

/** address fills in a path and adds the query. */
export function address<const P extends AnyPath>(path: P, params: Params<P>, query: Query = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent((params as Record<string, string>)[name] ?? ''))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '')
    if (text !== '') search.set(name, text)
  }
  const q = search.toString()
  return base + filled + (q && `?${q}`)
}

/** patience is how long the answer to a change may take, in ms: the longest is a look into a large repository. */
const patience = 3 * 60_000
const late = 'The server has not answered for 3 minutes. It may have done it all the same: look before you try again.'

/** isChange reports whether a request changes something, and is no file, which takes as long as it takes. */
function isChange({ method = 'GET', body, signal }: RequestInit): boolean {
  return method !== 'GET' && !signal && !(body instanceof Blob)
}

/** unheard throws what it means that no answer came, or not all of it; what the page itself has stopped is no problem. */
function unheard(err: unknown, signal: AbortSignal | null | undefined): never {
  if (signal?.aborted) throw err
  void doubt()
  throw new Problem(0, err instanceof DOMException && err.name === 'TimeoutError' ? [{ detail: late }] : [])
}

/** ask makes a request; an answer that is an error is thrown. Who is logged out meanwhile logs in again, and it goes on. */
async function ask(url: string, request: RequestInit, renewed = false): Promise<Response> {
  let res: Response
  try {
    res = await fetch(url, isChange(request) ? { ...request, signal: AbortSignal.timeout(patience) } : request)
  } catch (err) {
    return unheard(err, request.signal)
  }
  if (unanswered.includes(res.status)) void doubt()
  if (res.status === 401 && !renewed && request.credentials !== 'omit') {
    await again()
    return ask(url, request, true)
  }
  if (!res.ok) throw await problemOf(res)
  return res
}

/** send makes a request and returns its document, undefined if the answer has none. */
export async function send(method: string, url: string, document?: unknown, signal?: AbortSignal): Promise<unknown> {
  const res = await ask(url, {
    method,
    credentials: 'same-origin',
    headers: { Accept: 'application/vnd.api+json', ...(document !== undefined && { 'Content-Type': 'application/vnd.api+json' }) },
    ...(document !== undefined && { body: JSON.stringify(document) }),
    ...(signal && { signal }),
  })
  const body = await res.text().catch((err: unknown) => unheard(err, signal))
  if (body === '') return undefined
  try {
    return JSON.parse(body) as unknown
  } catch {
    throw new Problem(res.status, [{ detail: 'Something between this page and the server has answered in its place. Load the page again.' }])
  }
}

/** text reads what is no document, such as a patch. */
export async function text(url: string, signal?: AbortSignal): Promise<string> {
  const res = await ask(url, { credentials: 'same-origin', ...(signal && { signal }) })
  return res.text()
}

/** signed is a request to an address that holds without a session, for some time. Only its path and query count, as seen from here. */
export async function signed(url: string, request: RequestInit = {}): Promise<Response> {
  const at = new URL(url, window.location.href)
  try {
    return await ask(at.pathname + at.search, { ...request, credentials: 'omit' })
  } catch (err) {
    if (err instanceof Problem && err.status === 403) throw new Problem(403, [{ detail: 'The address of this file has expired. Load the page again.' }])
    throw err
  }
}

/** upload sends a file to a signed address. */
export async function upload(url: string, file: Blob): Promise<void> {
  await signed(url, { method: 'PUT', body: file, headers: { 'Content-Type': 'application/octet-stream' } })
}

/** list reads a page of a list. */
export async function list<P extends Path<'get'>>(path: P, params: Params<P>, query?: Query, signal?: AbortSignal): Promise<Page<KindAt<P, 'get'>>> {
  return pageOf(await send('GET', address(path, params, query), undefined, signal))
}

/** everything reads all pages of a list that is known to be short; it stops at limit, and says whether there is more. */
export async function everything<P extends Path<'get'>>(path: P, params: Params<P>, query: Query, signal: AbortSignal, limit: number) {
  const items: Page<KindAt<P, 'get'>>['items'] = []
  let included = new Included()
  for (let number = 1; items.length < limit; number++) {
    const page = await list(path, params, { 'page[size]': 100, ...query, 'page[number]': number }, signal)
    items.push(...page.items)
    included = included.and(page.included)
    if (page.pagination.next === null) return { items, included, more: false }
  }
  return { items, included, more: true }
}

/** read reads one resource. */
export async function read<P extends Path<'get'>>(path: P, params: Params<P>, query?: Query, signal?: AbortSignal): Promise<One<KindAt<P, 'get'>>> {
  return oneOf(await send('GET', address(path, params, query), undefined, signal))
}

/** create posts a document, and returns the resource of the answer. */
export async function create<P extends Path<'post'>>(path: P, params: Params<P>, document: unknown): Promise<One<KindAt<P, 'post'>>> {
  return oneOf((await send('POST', address(path, params), document)) ?? {})
}

/** update patches a resource, and returns it as it is then. */
export async function update<P extends Path<'patch'>>(path: P, params: Params<P>, document: unknown): Promise<One<KindAt<P, 'patch'>>> {
  return oneOf((await send('PATCH', address(path, params), document)) ?? {})
}

/** remove deletes what is at a path. */
export async function remove<P extends Path<'delete'>>(path: P, params: Params<P>, document?: unknown): Promise<void> {
  await send('DELETE', address(path, params), document)
}
