// Values that belong to the whole page and come from no request: who is shown them hears
// of each change.
import { useSyncExternalStore } from 'react'

/** Store is a value that can be set from anywhere. */
export type Store<T> = { get: () => T; set: (next: T) => void; subscribe: (notify: () => void) => () => void }

/** store makes one. Setting it to what it is tells nobody. */
export function store<T>(value: T): Store<T> {
  const watchers = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return
      value = next
      for (const notify of watchers) notify()
    },
    subscribe(notify) {
      watchers.add(notify)
      return () => watchers.delete(notify)
    },
  }
}

/** useStore is the value of a store, as it changes. */
export function useStore<T>(of: Store<T>): T {
  return useSyncExternalStore(of.subscribe, of.get)
}
