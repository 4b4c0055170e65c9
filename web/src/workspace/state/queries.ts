import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import * as api from '~/kernel/api'
import { isPassing } from '~/kernel/problem'
import { polling } from '~/kernel/queries'
import type { Resource } from '~/kernel/jsonapi'
import { read, type State } from './file'

/** pageSize is how many versions a page of the list has. */
export const pageSize = 25

export const versionsQuery = (workspace: string, page: number) =>
  queryOptions({
    queryKey: ['state-versions', 'list', workspace, page],
    queryFn: ({ signal }) => api.list('/workspaces/{id}/state-versions', { id: workspace }, { 'page[number]': page, 'page[size]': pageSize, include: 'created_by,run' }, signal),
    placeholderData: keepPreviousData,
    ...polling,
  })

export const versionQuery = (id: string) =>
  queryOptions({
    queryKey: ['state-versions', 'read', id],
    queryFn: ({ signal }) => api.read('/state-versions/{id}', { id }, { include: 'created_by,run' }, signal),
  })

/** Loaded is a state with its text. */
export type Loaded = { text: string; state: State }

/** fileQuery is what a version holds; it is the same for ever. */
export const fileQuery = (version: Resource<'state-versions'> | undefined) =>
  queryOptions({
    queryKey: ['state-files', version?.id],
    enabled: version !== undefined && version.attributes['hosted-state-download-url'] !== null,
    queryFn: async ({ signal }): Promise<Loaded> => {
      const res = await api.signed(version?.attributes['hosted-state-download-url'] ?? '', { signal })
      const text = await res.text()
      return { text, state: read(text) }
    },
    staleTime: Infinity,
    gcTime: 60_000,
    retry: (_, err) => isPassing(err), // what cannot be read as a state stays so
  })

/** large is the size in bytes from which a state is not loaded before somebody asks for it. */
export const large = 30_000_000
