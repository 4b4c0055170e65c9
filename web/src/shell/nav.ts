// What the side bar offers, in order. A capability that has screens has a line here.
import type { IconName } from '~/ui/Icon'

/** Entry is a part of an organization. */
export type Entry = {
  label: string
  icon: IconName
  /** Below the organization: "workspaces" is /app/:org/workspaces. */
  path: string
  /** The shortcut after g: "w" is g w. */
  key?: string
}

/** organizationNav are those of every organization. */
export const organizationNav: Entry[] = [
  { label: 'Workspaces', icon: 'workspace', path: 'workspaces', key: 'w' },
  { label: 'Runs', icon: 'run', path: 'runs', key: 'r' },
  { label: 'Registry', icon: 'registry', path: 'registry', key: 'm' },
  { label: 'Drift', icon: 'drift', path: 'drift', key: 'd' },
  { label: 'Projects', icon: 'project', path: 'projects', key: 'p' },
  { label: 'Organization', icon: 'settings', path: 'settings', key: 's' },
]
