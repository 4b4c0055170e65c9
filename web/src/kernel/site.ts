// What site administrators add to the pages.
import { useQuery } from '@tanstack/react-query'
import { readQuery } from './queries'

const siteQuery = { ...readQuery('customizations', '/customization', {}), staleTime: 5 * 60_000 }

/** useSite are the words of site administrators; undefined until they are there. */
export function useSite() {
  return useQuery(siteQuery).data?.item.attributes
}
