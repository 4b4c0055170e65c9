// What narrows the list of workspaces. All of it is in the address.
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { statusGroups, type StatusGroup } from '~/delivery/status'
import { useCommands } from '~/kernel/keyboard'
import { allQuery } from '~/kernel/queries'
import { words } from '~/kernel/search'
import { Button } from '~/ui/Button'
import { Select } from '~/ui/Field'
import { Chip, Filters } from '~/ui/Filters'
import { Icon } from '~/ui/Icon'
import { Late } from '~/ui/Late'
import { TagFilter } from './tagFilter'
import { parseTags, tagText, writeTags } from './tags'

/** WorkspaceFilter is what the list is narrowed to, and its order. */
export type WorkspaceFilter = {
  q?: string | undefined
  status?: StatusGroup | undefined
  health?: HealthGroup | undefined
  project?: string | undefined
  /** Tags that it must have: "aws,env=prod". */
  tag?: string | undefined
  /** Flat tags that it must not have. */
  without?: string | undefined
  sort?: string | undefined
}

/** nothing is a change that takes away all filters, and leaves the order. */
export const nothing: WorkspaceFilter = { q: undefined, status: undefined, health: undefined, project: undefined, tag: undefined, without: undefined }

/** healthGroups are what the assessments of a workspace may have come to. */
export const healthGroups = {
  drifted: { label: 'Drifted', states: ['drifted'] },
  failing: { label: 'Checks fail', states: ['checks-failing'] },
  unassessed: { label: 'Not assessed', states: ['errored', 'blocked'] },
} as const

/** HealthGroup is one of these in addresses. */
type HealthGroup = keyof typeof healthGroups

const sorts = { name: 'By name', '-latest-change-at': 'Latest change first', '-current-run.created-at': 'Latest run first', '-created-at': 'Newest first' }

type Props = { org: string; filter: WorkspaceFilter }

/** ListFilters are the fields that narrow it. */
export function ListFilters({ org, filter }: Props) {
  const navigate = useNavigate({ from: '/$org/workspaces' })
  const projects = useQuery(allQuery('projects', '/organizations/{organization}/projects', { organization: org }))
  const [tagging, setTagging] = useState(false)
  const set = useMemo(() => (change: WorkspaceFilter) => void navigate({ search: (was) => ({ ...was, ...change }), replace: true }), [navigate])
  useCommands(useMemo(() => [
    { id: 'clear', title: 'Clear all filters', keys: 'x', group: 'List', run: () => set(nothing) },
    { id: 'tags', title: 'Filter by tags', group: 'List', run: () => setTagging(true) },
  ], [set]))
  const tags = parseTags(filter.tag).length + words(filter.without).length
  return (
    <>
      <Filters
        label="Status of the current run, health, and tags"
        active={[filter.status, filter.health, filter.project].filter(Boolean).length + tags}
        search={<Late label="Search by name" value={filter.q} onChange={(q) => set({ q })} />}
        choices={
          <>
            <Select aria-label="Project" className="sm:w-44!" value={filter.project ?? ''} onChange={(e) => set({ project: e.target.value || undefined })}>
              <option value="">All projects</option>
              {projects.data?.map((p) => <option key={p.id} value={p.id}>{p.attributes.name}</option>)}
            </Select>
            <Select aria-label="Order" className="sm:w-44!" value={filter.sort ?? 'name'} onChange={(e) => set({ sort: e.target.value === 'name' ? undefined : e.target.value })}>
              {Object.entries(sorts).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
            </Select>
            <Button icon="tag" className="max-sm:col-span-2" onClick={() => setTagging(true)}>Tags…</Button>
          </>
        }
        chips={<Chips filter={filter} set={set} />}
      />
      {tagging && <TagFilter org={org} having={filter.tag} without={filter.without} onChange={set} onClose={() => setTagging(false)} />}
    </>
  )
}

function Chips({ filter, set }: { filter: WorkspaceFilter; set: (change: WorkspaceFilter) => void }) {
  const having = parseTags(filter.tag)
  const without = words(filter.without)
  return (
    <>
      {Object.entries(statusGroups).map(([key, group]) => (
        <Chip key={key} on={filter.status === key} onToggle={() => set({ status: filter.status === key ? undefined : (key as StatusGroup) })}>{group.label}</Chip>
      ))}
      <span aria-hidden="true" className="mx-1 h-5 w-px bg-line max-sm:hidden" />
      {Object.entries(healthGroups).map(([key, group]) => (
        <Chip key={key} on={filter.health === key} onToggle={() => set({ health: filter.health === key ? undefined : (key as HealthGroup) })}>{group.label}</Chip>
      ))}
      {having.map((t) => (
        <Chip key={`+${t.key}`} on label={`${tagText(t)}: take this filter away`} onToggle={() => set({ tag: writeTags(having.filter((x) => x.key !== t.key)) })}>
          <Icon name="tag" size={12} /><span className="truncate">{tagText(t)}</span><Icon name="cross" size={12} />
        </Chip>
      ))}
      {without.map((t) => (
        <Chip key={`-${t}`} on label={`not ${t}: take this filter away`} onToggle={() => set({ without: without.filter((x) => x !== t).join(',') || undefined })}>
          <Icon name="tag" size={12} /><span className="truncate">not {t}</span><Icon name="cross" size={12} />
        </Chip>
      ))}
    </>
  )
}
