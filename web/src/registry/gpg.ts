// The keys that sign providers are at an address of their own, beside /api/v2.
import { queryOptions } from '@tanstack/react-query'
import { send } from '~/kernel/api'
import { body, pageOf } from '~/kernel/jsonapi'

const base = '/api/registry/private/v2/gpg-keys'

/** keysQuery are the keys of an organization. */
export const keysQuery = (org: string) =>
  queryOptions({
    queryKey: ['gpg-keys', org],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ 'filter[namespace]': org, 'page[size]': '100' })
      return pageOf<'gpg-keys'>(await send('GET', `${base}?${query.toString()}`, undefined, signal))
    },
  })

/** addKey adds a public key, in its armor of text. */
export function addKey(org: string, armor: string) {
  return send('POST', base, body('gpg-keys', { namespace: org, 'ascii-armor': armor }))
}

/** removeKey removes a key by its key id, such as 51852D87348FFC4C. */
export function removeKey(org: string, keyID: string) {
  return send('DELETE', `${base}/${encodeURIComponent(org)}/${encodeURIComponent(keyID)}`)
}
