// Changes of an organization as they happen. The server says only what has changed; who
// shows it reads it again.
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { address } from './api'
import { doubt } from './health'
import { live } from './queries'
import { subscribe, type Change } from './shared'
import { readAgain, staleBy } from './stale'
import { store, useStore } from './store'

const streaming = store(false)

function setConnected(connected: boolean) {
  live.connected = connected
  streaming.set(connected)
}

/** useConnected tells whether the stream works. */
export function useConnected(): boolean {
  return useStore(streaming)
}

/** useEvents keeps what is shown of an organization up to date while the component is mounted. */
export function useEvents(org: string) {
  const client = useQueryClient()
  useEffect(() => {
    const stale = collector(client)
    live.wanted = true
    const leave = subscribe(address('/organizations/{organization}/events', { organization: org }), {
      onState(connected, fresh) {
        setConnected(connected)
        if (!connected) void doubt()
        if (connected && fresh) void client.invalidateQueries({ refetchType: 'active', predicate: (q) => q.state.dataUpdatedAt < Date.now() - 2000 })
      },
      onChange: (change) => stale.add(change),
    })
    return () => {
      leave()
      stale.stop()
      live.wanted = false
      setConnected(false)
    }
  }, [org, client])
}

/** pause is how long changes are gathered, in ms; patience, how many pauses they wait for a change of this page. */
const pause = 150
const patience = 20

/**
 * collector joins changes that come shortly after each other, so that a burst reads
 * everything once. What this page itself is changing is not read before it is done: it may
 * be gone, and the page about to leave it.
 */
export function collector(client: QueryClient) {
  const heard = new Map<string, Change>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let waited = 0
  function flush() {
    if (client.isMutating() > 0 && waited++ < patience) {
      timer = setTimeout(flush, pause)
      return
    }
    waited = 0
    timer = undefined
    const stale = staleBy(heard.values())
    heard.clear()
    void readAgain(client, stale)
  }
  return {
    add(change: Change) {
      heard.set(`${change.type}/${change.id ?? ''}`, change)
      timer ??= setTimeout(flush, pause)
    },
    stop: () => clearTimeout(timer),
  }
}
