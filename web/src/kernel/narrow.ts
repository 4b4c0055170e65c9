import { useSyncExternalStore } from 'react'

const query = '(max-width: 639px)' // as max-sm of the classes

/** useNarrow tells whether the window is as narrow as a phone, for what classes cannot say: the height of rows that are counted. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (notify) => {
      const media = window.matchMedia(query)
      media.addEventListener('change', notify)
      return () => media.removeEventListener('change', notify)
    },
    () => window.matchMedia(query).matches,
  )
}
