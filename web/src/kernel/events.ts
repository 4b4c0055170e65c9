// Changes of an organization as they happen. The server says only what has changed; who
// shows it reads it again.
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import { live } from './queries'

type Change = { type: string; id?: string; workspace?: string }

/** What else is stale when something of a type has changed. */
const touches: Record<string, readonly string[]> = {
  runs: ['runs', 'workspaces', 'plans', 'applies', 'state-versions', 'run-events', 'comments'],
}

const watchers = new Set<() => void>()

function setConnected(connected: boolean) {
  if (live.connected === connected) return
  live.connected = connected
  for (const notify of watchers) notify()
}

/** useConnected tells whether the stream works. */
export function useConnected(): boolean {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify)
      return () => watchers.delete(notify)
    },
    () => live.connected,
  )
}

/** useEvents keeps what is shown of an organization up to date while the component is mounted. */
export function useEvents(org: string) {
  const client = useQueryClient()
  useEffect(() => {
    const source = new EventSource(`/api/v2/organizations/${encodeURIComponent(org)}/events`)
    const stale = collector(client)
    source.addEventListener('open', () => {
      setConnected(true)
      void client.invalidateQueries({ refetchType: 'active', predicate: (q) => q.state.dataUpdatedAt < Date.now() - 2000 })
    })
    source.addEventListener('error', () => setConnected(false)) // the browser connects again by itself
    source.addEventListener('changed', (e) => stale.add(JSON.parse((e as MessageEvent<string>).data) as Change))
    return () => {
      source.close()
      stale.stop()
      setConnected(false)
    }
  }, [org, client])
}

/** collector joins changes that come within 150 ms, so that a burst reads everything once. */
function collector(client: QueryClient) {
  const kinds = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  function flush() {
    timer = undefined
    const now = new Set(kinds)
    kinds.clear()
    void client.invalidateQueries({ predicate: (q) => now.has(String(q.queryKey[0])) })
  }
  return {
    add(change: Change) {
      for (const kind of touches[change.type] ?? [change.type]) kinds.add(kind)
      timer ??= setTimeout(flush, 150)
    },
    stop: () => clearTimeout(timer),
  }
}
