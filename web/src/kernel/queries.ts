// What is known of the server's data, and for how long.
import { QueryClient, keepPreviousData, queryOptions, useMutation, useQueryClient, type MutateOptions } from '@tanstack/react-query'
import { useCallback, useRef } from 'react'
import * as api from './api'
import type { Params, Path, Query } from './api'
import { Problem, isPassing } from './problem'
import { readAgain } from './stale'
import { store } from './store'
import { tellUnlessShown } from './untold'

/** live tells whether the stream of changes is wanted, as on all screens of an organization, and works; without it, screens ask every 5 s. */
export const live = { connected: false, wanted: false }

/** queryClient keeps what was read, for the whole page. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 10 * 60_000,
      // A screen that is there stays while the server is away: only what will not pass is shown as an error.
      retry: (count, err) => isPassing(err) || (!(err instanceof Problem && err.status >= 400 && err.status < 500) && count < 3),
      retryDelay: (count) => Math.min(1000 * 2 ** count, 5000),
      refetchOnWindowFocus: true,
      // What never changes is not asked for again; see polling for the rest.
      refetchInterval: (q) => (live.connected || !live.wanted || q.state.status === 'error' || q.observers.every((o) => o.options.staleTime === Infinity) ? false : 5000),
    },
    // What is sent without a network fails, and says so; it does not wait, and go out when nobody thinks of it any more.
    mutations: { networkMode: 'always', retry: (count, err) => isQuickly(err) && count < 3, retryDelay: 1000 },
  },
})

/** isQuickly reports whether the server has done nothing and takes the same within a second: too much was asked at once. */
function isQuickly(err: unknown): boolean {
  return err instanceof Problem && err.status === 429 && err.wait !== undefined && err.wait <= 1
}

/** polling asks again every 5 s while no stream tells of changes; with one, now and then, as a change may get lost. */
export const polling = { refetchInterval: () => (live.connected ? 60_000 : 5000) }

/** The key of a query begins with the kind of resource, by which changes invalidate it. */
type Key = readonly unknown[]

/** listQuery reads a page of a list; a new page is shown when it is there. */
export function listQuery<P extends Path<'get'>>(kind: string, path: P, params: Params<P>, query: Query = {}) {
  const queryKey: Key = [kind, 'list', path, params, query]
  return queryOptions({ queryKey, queryFn: ({ signal }) => api.list(path, params, query, signal), placeholderData: keepPreviousData })
}

/** most is how many entries of a list are read that is shown as a whole. */
export const most = 10_000

/** cut is the kind of a list that has more than most; the frame says so, as the screen shows no more of it. */
export const cut = store<string | undefined>(undefined)

/** whole reads every page of a list up to a limit, and has the frame say it if there are more than most. */
async function whole<P extends Path<'get'>>(kind: string, path: P, params: Params<P>, query: Query, signal: AbortSignal, limit: number) {
  const { items, included, more } = await api.everything(path, params, query, signal, limit)
  if (more && limit === most) cut.set(kind)
  return { items, included }
}

/** allQuery reads every page of a list that is known to be short. A screen that gives a limit of its own says itself that there is more. */
export function allQuery<P extends Path<'get'>>(kind: string, path: P, params: Params<P>, query: Query = {}, limit = most) {
  const queryKey: Key = [kind, 'all', path, params, query]
  return queryOptions({
    queryKey,
    queryFn: async ({ signal }) => (await whole(kind, path, params, query, signal, limit)).items,
  })
}

/** wholeQuery is allQuery with what is included. */
export function wholeQuery<P extends Path<'get'>>(kind: string, path: P, params: Params<P>, query: Query = {}) {
  const queryKey: Key = [kind, 'whole', path, params, query]
  return queryOptions({
    queryKey,
    queryFn: ({ signal }) => whole(kind, path, params, query, signal, most),
    placeholderData: keepPreviousData,
  })
}

/** readQuery reads one resource. */
export function readQuery<P extends Path<'get'>>(kind: string, path: P, params: Params<P>, query: Query = {}) {
  const queryKey: Key = [kind, 'read', path, params, query]
  return queryOptions({ queryKey, queryFn: ({ signal }) => api.read(path, params, query, signal) })
}

/** Expected is how something will be, as far as that can be known before the server has said so. */
export type Expected = { kind: string; id: string; attributes: Record<string, unknown> }

/** withExpected is what a query has read, with what is expected put in. */
export function withExpected(data: unknown, { kind, id, attributes }: Expected): unknown {
  const isIt = (r: unknown): r is { attributes: object } => typeof r === 'object' && r !== null && (r as { type?: string }).type === kind && (r as { id?: string }).id === id
  const put = (r: unknown) => (isIt(r) ? { ...r, attributes: { ...r.attributes, ...attributes } } : r)
  if (Array.isArray(data)) return data.map(put)
  if (typeof data !== 'object' || data === null) return data
  if ('item' in data) return { ...data, item: put(data.item) }
  if ('items' in data && Array.isArray(data.items)) return { ...data, items: data.items.map(put) }
  return data
}

/** Before is what queries held, by their keys. */
type Before = [Key, unknown][]

/**
 * useChange makes a mutation; after it, everything of the kinds is read again. What a
 * component shows of it (pending, error) comes from the mutation; an error that nothing
 * on the page shows, because what would have shown it was closed, is told at its side.
 * What is being done is not done twice. What is harmless and nearly always succeeds may
 * be shown at once: expected says how; it is taken back if the server refuses. What is
 * shown has changed then before the request is made, so change goes by v alone.
 */
export function useChange<V, R>(kinds: readonly string[], change: (v: V) => Promise<R>, then?: (result: R, v: V) => unknown, expected?: (v: V) => Expected) {
  const client = useQueryClient()
  const under = useRef(new Set<V>())
  const stale = () => readAgain(client, (q) => kinds.includes(String(q.queryKey[0])), true)
  const mutation = useMutation({
    mutationFn: change,
    onMutate: async (v): Promise<Before> => {
      if (!expected) return []
      const e = expected(v)
      await client.cancelQueries({ queryKey: [e.kind] })
      const before = client.getQueriesData({ queryKey: [e.kind] })
      client.setQueriesData({ queryKey: [e.kind] }, (data: unknown) => withExpected(data, e))
      return before
    },
    onError: (err, v, before) => {
      for (const [key, data] of before ?? []) client.setQueryData(key, data)
      if (expected) void client.invalidateQueries({ queryKey: [expected(v).kind] }) // what was being read was stopped
      if (err instanceof Problem && err.status === 409) void stale() // what is shown is not what is there
      tellUnlessShown(err)
    },
    onSuccess: async (result, v) => {
      await then?.(result, v) // it may lead away from what is gone
      await stale()
    },
    onSettled: (_result, _err, v) => void under.current.delete(v),
  })
  const send = mutation.mutate as (v: V, options?: MutateOptions<R, Error, V, Before>) => void
  const mutate = useCallback<typeof send>(
    (v, options) => {
      if (under.current.has(v)) return
      under.current.add(v)
      send(v, options)
    },
    [send],
  )
  return { ...mutation, mutate }
}
