// A workspace at a glance: what runs, what it manages, what it gives to others.
import { useQuery } from '@tanstack/react-query'
import { Link, createRoute } from '@tanstack/react-router'
import { Suspense, lazy, useState } from 'react'
import { surely } from '~/kernel/lazy'
import { runPath } from '~/delivery/links'
import { sourceOf } from '~/delivery/runs/words'
import { RunStatus } from '~/delivery/status'
import { Health } from '~/drift/words'
import { brief, count } from '~/kernel/formats'
import { refOf } from '~/kernel/jsonapi'
import { allQuery } from '~/kernel/queries'
import { Badge, Tag } from '~/ui/Badge'
import { CopyButton, Id } from '~/ui/Copy'
import { Empty } from '~/ui/Failure'
import { Icon } from '~/ui/Icon'
import { InOrder } from '~/ui/InOrder'
import { Fact, Facts, Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { LockNotice } from './locks'
import { useWorkspace } from './current'
import { workspaceRoute } from './frame'
import { tagText, tagsOf, writeTags } from './tags'

const Markdown = lazy(() => surely(() => import('~/ui/markdown/Markdown')).then((m) => ({ default: m.Markdown })))

export const overviewRoute = createRoute({ getParentRoute: () => workspaceRoute, path: '/', component: Overview })

function Overview() {
  return (
    <>
      <LockNotice />
      <InOrder below="lg" className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <InOrder className="min-w-0 space-y-4">
          <CurrentRun />
          <Outputs />
          <Readme />
        </InOrder>
        <About />
      </InOrder>
    </>
  )
}

function CurrentRun() {
  const { org, workspace: w, run, included } = useWorkspace()
  const who = included.get('users', refOf(run, 'created-by')?.id)?.attributes.username
  return (
    <Panel title="Current run">
      {!run && (
        <Empty icon="run" title="No run yet" className="py-8!">
          <p>Start one from the command line, in a folder whose configuration names this workspace.</p>
          <p><TextLink to="/$org/start" params={{ org }}>How to connect a folder</TextLink></p>
        </Empty>
      )}
      {run && (
        <div className="relative flex items-center gap-4 px-4 py-3 hover:bg-hover">
          <div className="flex min-w-0 flex-1 items-center gap-x-4 gap-y-1.5 max-sm:flex-col max-sm:items-start">
            <span className="max-sm:order-last"><RunStatus status={run.attributes.status} /></span>
            <div className="min-w-0 sm:flex-1">
              <Link to={runPath(org, w.attributes.name, run.id)} className="line-clamp-2 font-medium wrap-anywhere after:absolute after:inset-0 hover:text-accent">{brief(run.attributes.message, 300) || run.id}</Link>
              <span className="text-sm text-muted">{who && `by ${who} `}from {sourceOf(run.attributes.source)} · <Time at={run.attributes['created-at']} /></span>
            </div>
          </div>
          <Icon name="right" className="text-faint" />
        </div>
      )}
    </Panel>
  )
}

/** Readme is that of the configuration, which its newest archive brought. */
function Readme() {
  const { workspace: w, included } = useWorkspace()
  const text = included.get('workspace-readme', refOf(w, 'readme')?.id)?.attributes['raw-markdown']
  if (!text) return null
  return <Panel title="README" padded><Suspense fallback={<SkeletonRows rows={4} />}><Markdown text={text} level={3} /></Suspense></Panel>
}

function Outputs() {
  const { workspace: w } = useWorkspace()
  const may = w.attributes.permissions['can-read-state-outputs']
  const { data, isLoading } = useQuery({ ...allQuery('state-versions', '/workspaces/{id}/current-state-version-outputs', { id: w.id }), enabled: may && refOf(w, 'current-state-version') !== undefined })
  if (isLoading) return <Panel title="Outputs"><SkeletonRows rows={3} /></Panel>
  if (!data || data.length === 0) return null
  return (
    <Panel title="Outputs">
      <Table
        label="Outputs"
        items={data}
        keyOf={(o) => o.id}
        columns={[
          { name: 'Name', className: 'w-1/3', cell: (o) => <code className="font-mono text-sm">{o.attributes.name}</code> },
          { name: 'Value', cell: (o) => <Output value={o.attributes.value} sensitive={o.attributes.sensitive} /> },
        ]}
      />
    </Panel>
  )
}

function Output({ value, sensitive }: { value: unknown; sensitive: boolean }) {
  if (sensitive) return <span className="inline-flex items-center gap-1.5 text-muted"><Icon name="lock" size={14} />Sensitive</span>
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return (
    <span className="flex items-center gap-1">
      <code className="line-clamp-2 min-w-0 font-mono text-sm break-all">{text}</code>
      <CopyButton text={text} label="Copy the value" />
    </span>
  )
}

/** fewTags is how many tags are shown before somebody asks for all. */
const fewTags = 12

function About() {
  const [allTags, setAllTags] = useState(false)
  const { org, workspace: w, project, included } = useWorkspace()
  const a = w.attributes
  const params = { org, workspace: a.name }
  const state = included.get('state-versions', refOf(w, 'current-state-version')?.id)
  const tags = tagsOf(w, included)
  return (
    <Panel title="About" padded>
      <Facts>
        <Fact name="Id"><Id>{w.id}</Id></Fact>
        <Fact name="Project">{project && <TextLink to="/$org/projects/$project" params={{ org, project: project.id }}>{project.attributes.name}</TextLink>}</Fact>
        <Fact name="Runs"><Badge>{{ remote: 'on the server', agent: 'on agents', local: 'elsewhere: state only' }[a['execution-mode']] ?? a['execution-mode']}</Badge></Fact>
        <Fact name="Engine">{a.engine === 'terraform' ? 'Terraform' : a.engine === 'opentofu' ? 'OpenTofu' : "The server's"}, {a['terraform-version']}</Fact>
        <Fact name="Applies">{a['auto-apply'] ? 'by itself' : 'when confirmed'}</Fact>
        <Fact name="Manages"><TextLink to="/$org/workspaces/$workspace/resources" params={params}>{count(a['resource-count'], 'resource')}</TextLink></Fact>
        {state && a.permissions['can-read-state-versions'] && <Fact name="Latest state"><span className="flex flex-wrap gap-x-2"><TextLink to="/$org/workspaces/$workspace/states/$state" params={{ ...params, state: state.id }}>State {state.attributes.serial}</TextLink><Time at={state.attributes['created-at']} className="text-muted" /></span></Fact>}
        {a.permissions['can-read-assessment-results'] && <Fact name="Health"><Link to="/$org/workspaces/$workspace/health" params={params}><Health state={a['health-state']} /></Link></Fact>}
        <Fact name="Changed"><Time at={a['latest-change-at']} /></Fact>
        <Fact name="Tags">
          {tags.length === 0 && <span className="text-faint">none</span>}
          <span className="flex flex-wrap gap-1 max-sm:gap-2">{tags.slice(0, allTags ? undefined : fewTags).map((t) => <Link key={t.key} to="/$org/workspaces" params={{ org }} search={{ tag: writeTags([t]) }} title={`Workspaces tagged ${tagText(t)}`} className="flex max-w-full"><Tag className="max-w-full">{tagText(t)}</Tag></Link>)}{!allTags && tags.length > fewTags && <Tag onClick={() => setAllTags(true)}>and {tags.length - fewTags} more</Tag>}</span>
        </Fact>
      </Facts>
    </Panel>
  )
}
