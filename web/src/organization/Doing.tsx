// What an agent is doing: its status, and the runs that it has taken.
import { Link } from '@tanstack/react-router'
import { runPath } from '~/delivery/links'
import type { Resource } from '~/kernel/jsonapi'
import { Since } from '~/ui/Time'
import { AgentStatus } from './agentStatus'

/** gone are the statuses of agents that are not there any more. */
export const gone = ['unknown', 'errored', 'exited']

const words: Record<string, string> = { plan: 'plans', apply: 'applies', 'test-run': 'tests a module', assessment: 'looks for drift in', 'drift-scan': 'looks for drift in a repository' }
const titles: Record<string, string> = { unknown: 'Nothing was heard of it for two minutes', errored: 'Nothing was heard of it for two hours', exited: 'It ended in an orderly way' }

type Included = { get: (kind: 'workspaces', id: string | undefined) => Resource<'workspaces'> | undefined }

/** Doing is the status of an agent, with what it works on. */
export function Doing({ org, agent: a, workspaces }: { org: string | undefined; agent: Resource<'agents'>; workspaces: Included }) {
  const { status, work } = a.attributes
  return (
    <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
      <span title={titles[status]}><AgentStatus status={status} /></span>
      {work.map((w) => {
        const name = workspaces.get('workspaces', w['workspace-id'])?.attributes.name
        return (
          <span key={`${w.kind}${w['run-id']}${w.since}`} className="text-sm text-muted">
            {words[w.kind] ?? w.kind} {name && org && (w['run-id'] ? <Link to={runPath(org, name, w['run-id'])} className="font-medium text-text hover:text-accent">{name}</Link> : <Link to="/$org/workspaces/$workspace" params={{ org, workspace: name }} className="font-medium text-text hover:text-accent">{name}</Link>)} <Since at={w.since} />
          </span>
        )
      })}
    </span>
  )
}
