import { queryOptions } from '@tanstack/react-query'
import * as api from '~/kernel/api'
import type { Resource } from '~/kernel/jsonapi'
import { isPassing } from '~/kernel/problem'
import { listQuery, polling, readQuery } from '~/kernel/queries'
import { read, type State } from './file'

/** pageSize is how many versions a page of the list has. */
const pageSize = 25

/** versionsQuery are the versions of a state, the newest first. */
export const versionsQuery = (workspace: string, page: number) => ({
  ...listQuery('state-versions', '/workspaces/{id}/state-versions', { id: workspace }, { 'page[number]': page, 'page[size]': pageSize, include: 'created_by,run' }),
  ...polling,
})

/** versionQuery is one of them. */
export const versionQuery = (id: string) => readQuery('state-versions', '/state-versions/{id}', { id }, { include: 'created_by,run' })

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
