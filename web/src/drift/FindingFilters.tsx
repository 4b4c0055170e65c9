import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { readQuery } from '~/kernel/queries'
import { useMembers } from '~/organization/people'
import { Button } from '~/ui/Button'
import { Filters } from '~/ui/Filters'
import { Late } from '~/ui/Late'
import { OneOf } from './parts'
import type { FindingFilter } from './routes'
import { findingStatuses, kinds, severityOptions } from './words'

const sorts = [['-first-seen-at', 'Newest'], ['first-seen-at', 'Oldest'], ['address', 'Address']] as const

/** FindingFilters narrow findings; the rarer ones are behind a button until one of them is chosen. */
export function FindingFilters({ org, filter: f, onChange }: { org: string; filter: FindingFilter; onChange: (change: FindingFilter) => void }) {
  const rare = Boolean(f.kind || f.provider || f.workspace || f.schedule || f.assignee || f.seen || f.target || f.cause || f.sort)
  const [more, setMore] = useState(false)
  return (
    <Filters
      active={[f.severity, f.status, f.group, f.kind, f.provider, f.workspace, f.schedule, f.assignee, f.seen, f.target, f.cause].filter(Boolean).length}
      search={<Late label="Search by address, attribute and title" value={f.q} onChange={(q) => onChange({ q })} />}
      choices={<>
        <OneOf label="Severity" all="All severities" value={f.severity} options={severityOptions} onChange={(severity) => onChange({ severity })} />
        <OneOf label="Status" all="Not resolved" value={f.status} options={findingStatuses} onChange={(status) => onChange({ status })} />
        <OneOf label="Group" all="Not grouped" value={f.group} options={[['target', 'By place'], ['cause', 'By cause']]} onChange={(group) => onChange({ group })} />
        {!rare && <Button icon="filter" aria-expanded={more} onClick={() => setMore((was) => !was)}>{more ? 'Fewer filters' : 'More filters'}</Button>}
        {(rare || more) && <Rare org={org} filter={f} onChange={onChange} />}
      </>}
    />
  )
}

function Rare({ org, filter: f, onChange }: { org: string; filter: FindingFilter; onChange: (change: FindingFilter) => void }) {
  const people = useMembers(org)
  const summary = useQuery(readQuery('drift-summaries', '/organizations/{organization}/drift-summary', { organization: org }))
  const s = summary.data?.item.attributes
  const keep = (list: (readonly [string, string])[], value: string | undefined) => (value && !list.some(([v]) => v === value) ? [...list, [value, value] as const] : list)
  const providers = keep((s?.['by-provider'] ?? []).map((g) => [g.name, g.name.replace(/^registry\.[a-z.]+\//, '')] as const), f.provider)
  const workspaces = keep((s?.['by-workspace'] ?? []).map((g) => [g.label, g.label] as const), f.workspace)
  const schedules = keep((s?.['by-schedule'] ?? []).map((g) => [g.name, g.label || g.name] as const), f.schedule)
  return (
    <>
      <OneOf label="Kind" all="All kinds" value={f.kind} options={Object.entries(kinds).map(([k, v]) => [k, v.label] as const)} onChange={(kind) => onChange({ kind })} />
      <OneOf label="Provider" all="All providers" value={f.provider} options={providers} onChange={(provider) => onChange({ provider })} />
      <OneOf label="Workspace" all="All workspaces" value={f.workspace} options={workspaces} onChange={(workspace) => onChange({ workspace })} />
      {schedules.length > 0 && <OneOf label="Schedule" all="All schedules" value={f.schedule} options={schedules} onChange={(schedule) => onChange({ schedule })} />}
      <OneOf label="Assigned to" className="sm:w-36!" all="Anybody’s" value={f.assignee} options={[['none', 'Nobody’s'], ...(people.data ?? []).map((p) => [p.id, p.name] as const)]} onChange={(assignee) => onChange({ assignee })} />
      <OneOf label="Seen" all="Seen or not" value={f.seen} options={[['false', 'Not seen'], ['true', 'Seen']]} onChange={(seen) => onChange({ seen })} />
      <OneOf label="Order" all="Worst first" value={f.sort} options={sorts} onChange={(sort) => onChange({ sort })} />
      {f.target && <Button icon="cross" onClick={() => onChange({ target: undefined })}>Of one place</Button>}
      {f.cause && <Button icon="cross" className="max-w-80 truncate" onClick={() => onChange({ cause: undefined })}>{f.cause}</Button>}
    </>
  )
}
