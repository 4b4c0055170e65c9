// Changes of an organization as they happen. The server says only what has changed; who
// shows it reads it again.
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { address } from './api'
import { doubt } from './health'
import { live } from './queries'
import { subscribe, type Change } from './shared'
import { store, useStore } from './store'

/** What else is stale when something of a type has changed. */
const touches: Record<string, readonly string[]> = {
  'drift-scans': ['drift-scans', 'drift-schedules', 'drift-blind-spots'],
  'drift-findings': ['drift-findings', 'drift-finding-groups', 'drift-summaries', 'drift-heat-maps'],
  'drift-episodes': ['drift-episodes', 'drift-episode-events', 'drift-findings', 'drift-finding-groups', 'drift-summaries', 'drift-heat-maps', 'drift-remedies'],
  'drift-adoptions': ['drift-adoptions', 'drift-remedies'],
  'drift-alert-deliveries': ['drift-alert-deliveries', 'drift-alerts'],
  'drift-schedules': ['drift-schedules', 'drift-blind-spots'],
  'drift-snoozes': ['drift-snoozes', 'drift-schedules'],
  'assessment-results': ['assessment-results', 'workspaces', 'visibility-workspaces', 'drift-summaries', 'drift-blind-spots'],
  runs: ['runs', 'workspaces', 'state-versions', 'run-events'],
  'configuration-versions': ['runs'],
  'state-versions': ['state-versions', 'workspaces', 'resources'],
  workspaces: ['workspaces', 'resources'],
  'tag-bindings': ['tag-bindings', 'tags', 'workspaces', 'projects'],
  'team-workspaces': ['team-workspaces', 'workspaces'],
  'team-projects': ['team-projects', 'projects'],
  teams: ['teams', 'organization-memberships', 'team-workspaces', 'team-projects'],
  'organization-memberships': ['organization-memberships', 'teams'],
  'agent-pools': ['agent-pools', 'agents'],
  agents: ['agents', 'agent-pools'],
  vars: ['vars', 'varsets'],
  'registry-modules': ['registry-modules', 'registry-module-versions'],
  'registry-module-versions': ['registry-module-versions', 'registry-modules'],
  'registry-providers': ['registry-providers', 'registry-provider-versions'],
  'registry-provider-versions': ['registry-provider-versions', 'registry-providers'],
  'registry-provider-platforms': ['registry-provider-platforms', 'registry-provider-versions'],
  'registry-components': ['registry-components', 'registry-component-versions'],
  'registry-component-versions': ['registry-component-versions', 'registry-components'],
}

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
export function collector(client: Pick<QueryClient, 'invalidateQueries' | 'isMutating'>) {
  const kinds = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let waited = 0
  function flush() {
    if (client.isMutating() > 0 && waited++ < patience) {
      timer = setTimeout(flush, pause)
      return
    }
    waited = 0
    timer = undefined
    const now = new Set(kinds)
    kinds.clear()
    void client.invalidateQueries({ predicate: (q) => now.has('*') || now.has(String(q.queryKey[0])) })
  }
  return {
    add(change: Change) {
      for (const kind of touches[change.type] ?? [change.type]) kinds.add(kind)
      timer ??= setTimeout(flush, pause)
    },
    stop: () => clearTimeout(timer),
  }
}
