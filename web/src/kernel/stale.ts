// What is no longer as it was read when something has changed on the server.
import type { Query, QueryClient } from '@tanstack/react-query'
import { Included, type Kind } from './jsonapi'
import type { Change } from './shared'

/**
 * touches are the kinds, as the keys of queries begin with them, of which something is stale when
 * something of a type has changed: the type itself, and what counts it, sums it up, or shows what
 * comes of it. What a query has included need not be here, see shows.
 */
export const touches: Partial<Record<Kind, readonly string[]>> = {
  organizations: ['organizations', 'projects', 'workspaces', 'visibility-workspaces', 'drift-summaries', 'drift-blind-spots'], // defaults and what is enforced
  'admin-organizations': ['organizations'],
  subscriptions: ['organizations'],
  'audit-configurations': ['organizations'],
  'organization-memberships': ['organization-memberships', 'teams', 'organizations'], // and with them what one may do
  teams: ['teams', 'organization-memberships', 'team-workspaces', 'team-projects', 'organizations', 'projects', 'workspaces'],
  'team-workspaces': ['team-workspaces', 'workspaces'],
  'team-projects': ['team-projects', 'projects', 'workspaces'],
  projects: ['projects', 'workspaces', 'varsets', 'tag-bindings', 'visibility-workspaces', 'team-projects'],
  workspaces: ['workspaces', 'resources', 'run-triggers', 'visibility-workspaces', 'drift-summaries', 'drift-blind-spots'],
  tags: ['tags', 'tag-bindings', 'workspaces', 'projects', 'visibility-workspaces'],
  'tag-bindings': ['tag-bindings', 'tags', 'workspaces', 'projects', 'visibility-workspaces'],
  vars: ['vars', 'varsets'],
  'test-vars': ['vars'],
  varsets: ['varsets', 'vars'],
  'state-versions': ['state-versions', 'workspaces', 'resources', 'visibility-workspaces'],
  'configuration-versions': ['runs'],
  runs: ['runs', 'run-events', 'workspaces', 'state-versions', 'visibility-workspaces'],
  comments: ['run-events'],
  'agent-pools': ['agent-pools', 'agents'],
  agents: ['agents', 'agent-pools'],
  'registry-modules': ['registry-modules', 'registry-module-versions'],
  'registry-module-versions': ['registry-module-versions', 'registry-modules'],
  'module-versions': ['registry-module-versions', 'registry-modules'],
  'registry-providers': ['registry-providers', 'registry-provider-versions', 'registry-provider-platforms'],
  'registry-provider-versions': ['registry-provider-versions', 'registry-providers', 'registry-provider-platforms'],
  'registry-provider-platforms': ['registry-provider-platforms', 'registry-provider-versions'],
  'registry-components': ['registry-components', 'registry-component-versions'],
  'registry-component-versions': ['registry-component-versions', 'registry-components'],
  'drift-settings': ['drift-settings', 'drift-schedules', 'drift-schedule-preview'], // the time zone
  'drift-repositories': ['drift-repositories', 'drift-schedules'],
  'drift-connections': ['drift-connections', 'drift-schedules'],
  'drift-alerts': ['drift-alerts', 'drift-schedules'],
  'drift-alert-deliveries': ['drift-alert-deliveries', 'drift-alerts'],
  'drift-schedules': ['drift-schedules', 'drift-blind-spots'],
  'drift-snoozes': ['drift-snoozes', 'drift-schedules', 'drift-episode-events'],
  'drift-scans': ['drift-scans', 'drift-schedules', 'drift-blind-spots'],
  'drift-findings': ['drift-findings', 'drift-finding-groups', 'drift-episodes', 'drift-summaries', 'drift-heat-maps', 'drift-remedies'],
  'drift-episodes': ['drift-episodes', 'drift-episode-events', 'drift-findings', 'drift-finding-groups', 'drift-summaries', 'drift-heat-maps', 'drift-remedies'],
  'drift-adoptions': ['drift-adoptions', 'drift-remedies'],
  'drift-ignore-rules': ['drift-ignore-rules', 'drift-findings'],
  'assessment-settings': ['assessment-settings', 'workspaces'],
  'assessment-results': ['assessment-results', 'workspaces', 'visibility-workspaces', 'drift-summaries', 'drift-blind-spots'],
}

/** staleBy tells which queries are stale after changes; the type "*" makes all of them so. */
export function staleBy(changes: Iterable<Change>): (q: Query) => boolean {
  const all = [...changes]
  const kinds = new Set(all.flatMap((c) => touches[c.type as Kind] ?? [c.type]))
  return (q) => kinds.has('*') || kinds.has(String(q.queryKey[0])) || all.some((c) => shows(q.state.data, c))
}

/** shows tells whether what a query has read has in it what has changed. */
export function shows(data: unknown, { type, id }: Change): boolean {
  const isIt = (r: unknown) => typeof r === 'object' && r !== null && (r as Change).type === type && (id === undefined || (r as Change).id === id)
  if (Array.isArray(data)) return data.some(isIt)
  if (typeof data !== 'object' || data === null) return false
  if ('included' in data && data.included instanceof Included && data.included.has(type, id)) return true
  if ('items' in data && Array.isArray(data.items)) return data.items.some(isIt)
  return 'item' in data ? isIt(data.item) : isIt(data)
}

const nothing = () => undefined

/**
 * readAgain reads what is stale again, as far as it is on the screen; the rest when it is next.
 * What is under way already may have been read before the change: it begins anew if restart says
 * so, else it is read once more when it is there. Only so does what takes long to read get there
 * while changes come all the time; and what is read for the first time is never begun anew.
 */
export function readAgain(client: QueryClient, stale: (q: Query) => boolean, restart = false): Promise<void> {
  for (const q of client.getQueryCache().findAll({ predicate: (q) => q.state.fetchStatus !== 'idle' })) {
    const again = () => client.invalidateQueries({ predicate: (other) => other === q && stale(q) }, { cancelRefetch: false })
    void q.promise?.then(nothing, nothing).then(again)
  }
  return client.invalidateQueries({ predicate: stale }, { cancelRefetch: restart })
}
