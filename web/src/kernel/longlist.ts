// Lists of any length, of which only the pages in view are read.
import { useQueries, type UseQueryOptions } from '@tanstack/react-query'
import { useCallback, useEffect, useState } from 'react'
import { Included, type Kind, type Page, type Resource } from './jsonapi'

/** pageSize is how many rows a page of a long list has; its query must ask for as many. */
export const pageSize = 100

const none = new Included()

type Range = { of: string; from: number; to: number } // pages, from 0

/**
 * useLongList reads the pages of a list that are in view. queryOf makes the query of a
 * page, from 1; of is what the list depends on: when it changes, the list begins anew.
 */
export function useLongList<K extends Kind>(queryOf: (page: number) => unknown, of: string) {
  const [range, setRange] = useState<Range>({ of, from: 0, to: 0 })
  const { from, to } = range.of === of ? range : { from: 0, to: 0 }
  const pages = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const results = useQueries({ queries: pages.map((p) => queryOf(p + 1) as UseQueryOptions<Page<K>>) })
  // While a page is read, its query may still hold another one: its total counts, its rows do not.
  const byPage = new Map(pages.map((p, i) => [p, results[i]?.data?.pagination.page === p + 1 ? results[i]?.data : undefined]))
  const known = results.find((r) => r.data)?.data?.pagination.total
  // The length stays while pages far away are read, or the list would collapse and lose its place.
  const [last, setLast] = useState({ of, total: 0 })
  useEffect(() => {
    if (known !== undefined) setLast((was) => (was.of === of && was.total === known ? was : { of, total: known }))
  }, [of, known])
  const total = known ?? (last.of === of ? last.total : 0)
  const onRange = useCallback(
    (first: number, last: number) => {
      const next = { of, from: Math.floor(first / pageSize), to: Math.floor(last / pageSize) }
      setRange((r) => (r.of === of && r.from === next.from && r.to === next.to ? r : next))
    },
    [of],
  )
  return {
    total,
    loading: known === undefined && total === 0 && results.some((r) => r.isPending),
    error: results.find((r) => r.error)?.error ?? undefined,
    stale: from === 0 && results.some((r) => r.isPlaceholderData),
    retry: () => results.forEach((r) => void r.refetch()),
    at: (index: number): { item: Resource<K> | undefined; included: Included } => {
      const page = byPage.get(Math.floor(index / pageSize))
      return { item: page?.items[index % pageSize], included: page?.included ?? none }
    },
    onRange,
  }
}
