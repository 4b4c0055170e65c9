// One finding: what was recorded, what is real, what the code wants, why it matters and
// what to do.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { readQuery } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Failure, Notice } from '~/ui/Failure'
import { Fact, Facts, Page, Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { Ignore, Seen } from './Decide'
import { Place, shown, watching } from './parts'
import { FindingStatus, Severity, kinds } from './words'

export function FindingPage() {
  const { org, finding } = useParams({ from: '/$org/drift/findings/$finding' })
  const { data, error, refetch } = useQuery({ ...readQuery('drift-findings', '/drift-findings/{id}', { id: finding }, { include: 'workspace,drift-schedule,acknowledged-by,assigned-to,ignored-by' }), ...watching })
  if (error) return <Page title="Finding"><Failure error={error} retry={() => void refetch()} /></Page>
  if (!data) return <Page title="Finding"><Panel><SkeletonRows rows={6} /></Panel></Page>
  return <Whole org={org} finding={data.item} included={data.included} />
}

/** useMayOperate tells whether the user may decide about drift in a place: a workspace, or a repository. */
export function useMayOperate(org: string, of: { relationships?: unknown }, included: Included): boolean {
  const organization = useOrganization(org).attributes.permissions
  const workspace = refOf(of, 'workspace')
  if (!workspace) return organization['can-operate-drift']
  return included.get('workspaces', workspace.id)?.attributes.permissions['can-queue-run'] ?? false
}

function Whole({ org, finding, included }: { org: string; finding: Resource<'drift-findings'>; included: Included }) {
  const [ignoring, setIgnoring] = useState(false)
  const a = finding.attributes
  const may = useMayOperate(org, finding, included)
  const everywhere = useOrganization(org).attributes.permissions['can-operate-drift']
  return (
    <Page
      title={a.path ? `${a.address} ${a.path}` : a.address}
      status={<><Severity level={a.severity} /><FindingStatus status={a.status} /></>}
      about={<>{kinds[a.kind]?.about ?? a.kind}</>}
      actions={
        may && a.status !== 'resolved' && (
          <>
            <Seen of="drift-findings" id={finding.id} acknowledged={a['acknowledged-at'] !== null} />
            {a.status === 'open' && <Button icon="minus" onClick={() => setIgnoring(true)}>Ignore…</Button>}
          </>
        )
      }
    >
      <div className="grid gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <div className="min-w-0 space-y-5">
          {(a.title || a.why || a.fix) && (
            <Panel title={a.title ?? 'What it means'} padded>
              <div className="space-y-3">
                {a.why && <p><strong>Why it matters.</strong> {a.why}</p>}
                {a.fix && <p><strong>What to do.</strong> {a.fix}</p>}
              </div>
            </Panel>
          )}
          {a.kind === 'check' ? <Problems problems={a.problems} /> : <Values finding={a} />}
        </div>
        <Panel title="About" padded className="self-start"><About org={org} finding={finding} included={included} /></Panel>
      </div>
      {ignoring && <Ignore id={finding.id} address={a.address} path={a.path} everywhere={everywhere} onClose={() => setIgnoring(false)} />}
    </Page>
  )
}

function Problems({ problems }: { problems: string[] }) {
  return (
    <Panel title="What the check says" padded>
      {problems.length === 0 ? <p className="text-muted">It says nothing.</p> : <ul className="list-disc space-y-1 pl-5">{problems.map((p) => <li key={p}>{p}</li>)}</ul>}
    </Panel>
  )
}

function Values({ finding: a }: { finding: Resource<'drift-findings'>['attributes'] }) {
  if (a.masked) return <Notice icon="lock">The values are sensitive. They are compared in the executor's memory and kept nowhere.</Notice>
  const absent = (v: unknown) => v === null || v === undefined
  const wanted = a['wanted-unknown'] ? <em className="font-sans text-muted">known after apply</em> : absent(a.wanted) ? undefined : shown(a.wanted)
  const sides = [
    { name: 'Recorded', about: 'in the state, after the last apply', value: absent(a.recorded) ? undefined : shown(a.recorded), tone: 'border-t-idle' },
    { name: 'Real', about: 'what the provider says now', value: absent(a.real) ? undefined : shown(a.real), tone: 'border-t-bad' },
    { name: 'Wanted', about: 'what the code says', value: wanted, tone: 'border-t-ok' },
  ]
  return (
    <div className="grid gap-3 md:grid-cols-3">
      {sides.map((side) => (
        <section key={side.name} className={`min-w-0 rounded-lg border border-t-2 border-line bg-surface p-3 shadow-low ${side.tone}`}>
          <h2 className="font-semibold">{side.name}</h2>
          <p className="text-sm text-muted">{side.about}</p>
          <pre className="mt-2 max-h-96 overflow-auto rounded bg-sunken p-2 font-mono text-sm wrap-anywhere whitespace-pre-wrap" tabIndex={0} aria-label={`${side.name} value`}>
            {side.value ?? <em className="font-sans text-muted">nothing</em>}
          </pre>
        </section>
      ))}
    </div>
  )
}

function About({ org, finding, included }: { org: string; finding: Resource<'drift-findings'>; included: Included }) {
  const a = finding.attributes
  const seenBy = included.get('users', refOf(finding, 'acknowledged-by')?.id)?.attributes.username
  const assigned = included.get('users', refOf(finding, 'assigned-to')?.id)?.attributes.username
  const rule = included.get('drift-ignore-rules', refOf(finding, 'ignored-by')?.id)
  const episode = refOf(finding, 'drift-episode')
  const scan = refOf(finding, 'last-scan')
  return (
    <Facts>
      <Fact name="Where"><Place org={org} of={finding} included={included} /></Fact>
      <Fact name="Kind">{kinds[a.kind]?.label ?? a.kind}</Fact>
      <Fact name="Resource">{a['resource-type']}</Fact>
      {a.provider && <Fact name="Provider">{a.provider}</Fact>}
      {a.module && <Fact name="Module">{a.module}</Fact>}
      {a.actions.length > 0 && <Fact name="Next apply">{a.actions.join(', then ')}</Fact>}
      {a.rules.length > 0 && <Fact name="Rules">{a.rules.join(', ')}</Fact>}
      <Fact name="First seen"><Time at={a['first-seen-at']} /></Fact>
      <Fact name="Last seen"><Time at={a['last-seen-at']} /></Fact>
      {a['resolved-at'] && <Fact name="Resolved"><Time at={a['resolved-at']} /></Fact>}
      {a['acknowledged-at'] && <Fact name="Seen"><Time at={a['acknowledged-at']} />{seenBy && ` by ${seenBy}`}</Fact>}
      {assigned && <Fact name="Assigned to">{assigned}</Fact>}
      {rule && <Fact name="Ignored">{rule.attributes.reason}{rule.attributes['expires-at'] && <>, until <Time at={rule.attributes['expires-at']} /></>}</Fact>}
      {episode && <Fact name="Episode"><TextLink to="/$org/drift/episodes/$episode" params={{ org, episode: episode.id }}>All of this drift</TextLink></Fact>}
      {scan && <Fact name="Scan"><TextLink to="/$org/drift/scans/$scan" params={{ org, scan: scan.id }}>The last that saw it</TextLink></Fact>}
    </Facts>
  )
}
