// One version of a state: what it holds, in several views.
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Suspense, lazy, useState, type ReactNode } from 'react'
import { surely } from '~/kernel/lazy'
import { save } from '~/kernel/files'
import { brief, bytes } from '~/kernel/formats'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { isMissing } from '~/kernel/problem'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Id } from '~/ui/Copy'
import { Failure, NotFound, Notice } from '~/ui/Failure'
import { Fact, Facts, Panel, TextLink, useDetail } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { Views } from '~/ui/Views'
import { useWorkspace } from '../current'
import { Explorer } from './Explorer'
import { Outputs } from './Outputs'
import { Rollback } from './Rollback'
import { StateLink } from './StateLink'
import { fileQuery, large, versionQuery, type Loaded } from './queries'
import { viewOf, views, type View } from './views'

const GraphView = lazy(() => surely(() => import('./GraphView')))

export function VersionScreen() {
  const { state } = useParams({ from: '/$org/workspaces/$workspace/states/$state' })
  const view = viewOf(useSearch({ from: '/$org/workspaces/$workspace/states/$state' }).view)
  const navigate = useNavigate({ from: '/$org/workspaces/$workspace/states/$state' })
  return <Version key={state} id={state} view={view} onView={(v) => void navigate({ search: { view: v === 'resources' ? undefined : v }, replace: true })} />
}

function Version({ id, view, onView }: { id: string; view: View; onView: (view: View) => void }) {
  const version = useQuery(versionQuery(id))
  if (version.isPending) return <div className="space-y-5"><Panel title="State" padded><Skeleton className="h-28 w-full" /></Panel><Panel><SkeletonRows /></Panel></div>
  if (version.error) return isMissing(version.error) ? <NotFound /> : <Failure error={version.error} retry={() => void version.refetch()} />
  return <Shown version={version.data.item} included={version.data.included} view={view} onView={onView} />
}

function Shown({ version, included, view, onView }: { version: Resource<'state-versions'>; included: Included; view: View; onView: (view: View) => void }) {
  const { org, workspace } = useWorkspace()
  const [asked, setAsked] = useState(false)
  const [rollback, setRollback] = useState(false)
  const navigate = useNavigate()
  const a = version.attributes
  useDetail(`Serial ${a.serial}`)
  const wanted = a.size <= large || asked
  const file = useQuery({ ...fileQuery(version), enabled: wanted && a['hosted-state-download-url'] !== null })
  const current = refOf(workspace, 'current-state-version')
  const isCurrent = current?.id === version.id
  const params = { org, workspace: workspace.attributes.name }
  return (
    <div className="space-y-5">
      <Panel
        title={<span className="flex items-center gap-2.5">State {a.serial}{isCurrent && <Badge tone="ok" icon="check">Current</Badge>}</span>}
        actions={
          <>
            {!isCurrent && current && <Button small icon="replace" onClick={() => void navigate({ to: '/$org/workspaces/$workspace/states/compare', params, search: { from: version.id, to: current.id } })}>Compare with current</Button>}
            {!isCurrent && a.status === 'finalized' && workspace.attributes.permissions['can-create-state-versions'] && <Button small icon="clock" onClick={() => setRollback(true)}>Roll back to this</Button>}
            {wanted && a['hosted-state-download-url'] !== null && <Button small icon="download" disabled={!file.data} onClick={() => file.data && save([file.data.text], `${workspace.attributes.name}-${a.serial}.tfstate`, 'application/json')}>Download</Button>}
          </>
        }
        padded
      >
        <About version={version} included={included} params={params} file={file.data} />
      </Panel>
      {a['hosted-state-download-url'] === null && <Notice icon="info">The data of this version is not there{a.status === 'pending' ? ' yet' : ' any more'}.</Notice>}
      {!wanted && <Notice icon="info"><span className="flex flex-wrap items-center justify-between gap-2">This state has {bytes(a.size)}.<Button small onClick={() => setAsked(true)}>Show it</Button></span></Notice>}
      {wanted && a['hosted-state-download-url'] !== null && (
        <Panel title={<Views options={views} value={view} onChange={onView} />}>
          {file.isPending && <SkeletonRows rows={5} />}
          {file.error && <Failure error={file.error} retry={() => void file.refetch()} className="m-4" />}
          {file.data && <Content view={view} file={file.data} />}
        </Panel>
      )}
      {rollback && <Rollback version={version} onClose={() => setRollback(false)} />}
    </div>
  )
}

function Content({ view, file }: { view: View; file: Loaded }): ReactNode {
  switch (view) {
    case 'resources':
      return <Explorer state={file.state} />
    case 'outputs':
      return <Outputs outputs={file.state.outputs} />
    case 'graph':
      return <Suspense fallback={<Skeleton className="h-[36rem] w-full" />}><GraphView state={file.state} /></Suspense>
    case 'raw':
      return <Raw text={file.text} />
  }
}

/** maxRaw is how much of a file is shown, in characters. */
const maxRaw = 500_000

function Raw({ text }: { text: string }) {
  return (
    <>
      <Notice tone="warn" icon="warning" className="m-4">The file has sensitive values as they are.</Notice>
      {text.length > maxRaw && <p className="px-4 pb-2 text-muted">Its beginning is shown. Download it for the rest.</p>}
      <pre tabIndex={0} aria-label="File" className="max-h-[70vh] overflow-auto bg-sunken px-4 py-3 font-mono text-sm leading-relaxed">{text.slice(0, maxRaw)}</pre>
    </>
  )
}

type AboutProps = { version: Resource<'state-versions'>; included: Included; params: { org: string; workspace: string }; file: Loaded | undefined }

function About({ version, included, params, file }: AboutProps) {
  const a = version.attributes
  const who = included.get('users', refOf(version, 'created-by')?.id)?.attributes.username
  const run = included.get('runs', refOf(version, 'run')?.id)
  const copied = refOf(version, 'rollback-state-version')?.id
  return (
    <div className="grid gap-x-10 gap-y-2 md:grid-cols-2">
      <Facts>
        <Fact name="Made"><Time at={a['created-at']} />{who && `, by ${who}`}</Fact>
        <Fact name="By the run">{run ? <TextLink to="/$org/workspaces/$workspace/runs/$run" params={{ ...params, run: run.id }}>{brief(run.attributes.message, 200)}</TextLink> : 'none: it was uploaded'}</Fact>
        {copied && <Fact name="Copy of"><StateLink {...params} id={copied} /></Fact>}
        <Fact name="Id"><Id>{version.id}</Id></Fact>
      </Facts>
      <Facts>
        <Fact name="Engine">{a['terraform-version'] ?? 'unknown'}</Fact>
        <Fact name="Size">{bytes(a.size)}</Fact>
        <Fact name="Resources">{file ? file.state.resources.length : <Skeleton className="h-4 w-10" />}</Fact>
        <Fact name="Lineage">{file ? <code className="font-mono text-sm text-muted">{file.state.lineage}</code> : <Skeleton className="h-4 w-40" />}</Fact>
      </Facts>
    </div>
  )
}
