// Screens that not everybody may see. Their tabs and links are not offered to others, and
// their addresses lead to the page that says that there is nothing.
import { notFound } from '@tanstack/react-router'

/** Needs are beginnings of addresses, each with the permission without which there is nothing. */
type Needs = readonly (readonly [screen: string, permission: string])[]

/** ofOrganization are addresses below an organization. */
export const ofOrganization: Needs = [
  ['settings/varsets', 'can-read-varsets'],
  ['settings/agents', 'can-update-agent-pools'],
  ['settings/ssh-keys', 'can-update-ssh-keys'],
  ['settings/drift', 'can-read-drift'],
  ['settings/security', 'can-update'],
  ['settings/tokens', 'can-update-api-token'],
  ['settings/audit', 'can-read-audit-trail'],
  ['settings/general', 'can-update'],
  ['registry/publish', 'can-create-module'],
  ['drift/schedules', 'can-read-drift'],
  ['drift/repositories', 'can-read-drift'],
  ['drift/connections', 'can-read-drift'],
  ['drift/alerts', 'can-read-drift'],
]

/** ofWorkspace are addresses below a workspace. */
export const ofWorkspace: Needs = [
  ['states', 'can-read-state-versions'],
  ['health', 'can-read-assessment-results'],
  ['variables', 'can-read-variable'],
  ['access', 'can-update'],
  ['notifications', 'can-update'],
  ['settings', 'can-read-settings'],
]

/** check ends at the page that there is nothing if what is at the path below parent is not for whom has the permissions. */
export function check(needs: Needs, pathname: string, parent: string, permissions: object) {
  const at = decodeURIComponent(pathname).split(`${parent}/`).slice(1).join(`${parent}/`)
  const need = needs.find(([screen]) => at === screen || at.startsWith(`${screen}/`))
  if (need && !(permissions as Record<string, boolean>)[need[1]]) throw notFound()
}
