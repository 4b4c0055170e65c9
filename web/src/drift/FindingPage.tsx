// One finding: what was recorded, what is real, what the code wants, why it matters and
// what to do.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { polling, readQuery } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Fact, Facts, Page, Panel, TextLink } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { Give, Seen, mayOperate, useOperateDrift } from './Decide'
import { IgnoreForm } from './IgnoreForm'
import { Values } from './Values'
import { Place, placeName } from './parts'
import { FindingStatus, Severity, kinds } from './words'

export function FindingPage() {
  const { org, finding } = useParams({ from: '/$org/drift/findings/$finding' })
  const { data, error, refetch } = useQuery({ ...readQuery('drift-findings', '/drift-findings/{id}', { id: finding }, { include: 'workspace,drift-schedule,acknowledged-by,assigned-to,ignored-by' }), ...polling })
  if (error) return <Page title="Finding"><Failure error={error} retry={() => void refetch()} /></Page>
  if (!data) return <Page title="Finding"><Panel><SkeletonRows rows={6} /></Panel></Page>
  return <Whole org={org} finding={data.item} included={data.included} />
}

function Whole({ org, finding, included }: { org: string; finding: Resource<'drift-findings'>; included: Included }) {
  const [ignoring, setIgnoring] = useState(false)
  const a = finding.attributes
  const may = mayOperate(useOperateDrift(org), finding, included)
  return (
    <Page
      title={a.path ? `${a.address} ${a.path}` : a.address}
      status={<><Severity level={a.severity} /><FindingStatus status={a.status} /></>}
      about={<>{kinds[a.kind]?.about ?? a.kind}</>}
      actions={
        may && a.status !== 'resolved' && (
          <>
            <Seen of="drift-findings" id={finding.id} acknowledged={a['acknowledged-at'] !== null} />
            <Give org={org} of="drift-findings" id={finding.id} current={refOf(finding, 'assigned-to')?.id} />
            {a.status === 'open' && <Button icon="minus" onClick={() => setIgnoring(true)}>Ignore…</Button>}
          </>
        )
      }
    >
      <div className="grid gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
        <div className="min-w-0 space-y-5">
          {a.kind === 'check' ? <Problems problems={a.problems} /> : <Values finding={a} />}
          <Judgement finding={a} />
        </div>
        <Panel title="About" padded className="self-start"><About org={org} finding={finding} included={included} /></Panel>
      </div>
      {ignoring && (
        <IgnoreForm
          org={org}
          title="Ignore the finding"
          around={{ name: placeName(finding, included), folder: a.folder ?? '.', workspace: refOf(finding, 'workspace'), schedule: refOf(finding, 'drift-schedule') }}
          address={a.address}
          path={a.path ?? ''}
          {...(!a.path && { kind: a.kind })}
          onClose={() => setIgnoring(false)}
        />
      )}
    </Page>
  )
}

/** Judgement says which rule made the severity, why, and what to do. */
function Judgement({ finding: a }: { finding: Resource<'drift-findings'>['attributes'] }) {
  return (
    <Panel title={a.title ?? 'What it means'} padded>
      <div className="space-y-3">
        <p className="flex flex-wrap items-center gap-2">
          <Severity level={a.severity} />
          {a.rules.length > 0 ? <span>by {a.rules.length === 1 ? 'rule' : 'rules'} {a.rules.map((r, i) => <span key={r}>{i > 0 && ', '}<code className="rounded bg-sunken px-1 font-mono text-sm">{r}</code></span>)}</span> : !a.why && <span>No rule is about it: that is what findings of this kind are.</span>}
          {a.stateful && <Badge tone="warn" icon="state">Holds data</Badge>}
        </p>
        {a.why && <p><strong>Why it matters.</strong> {a.why}</p>}
        <p><strong>What to do.</strong> {a.fix ?? todo(a.kind)}</p>
      </div>
    </Panel>
  )
}

function todo(kind: string): string {
  if (kind === 'drift' || kind === 'deleted') return 'Apply, which makes it as the code says; or write into the code what is real; or ignore it, if it is meant to be so.'
  if (kind === 'drift+config') return 'Look at both changes before you apply: the apply makes it as the code says, which is not as it was either.'
  if (kind === 'check') return 'Read what the check says, and repair what it is about.'
  if (kind === 'pending-config') return 'Apply, when the change is wanted.'
  return 'Look at what follows from it in the next plan.'
}

function Problems({ problems }: { problems: string[] }) {
  return (
    <Panel title="What the check says" padded>
      {problems.length === 0 ? <p className="text-muted">It says nothing.</p> : <ul className="list-disc space-y-1 pl-5">{problems.map((p) => <li key={p}>{p}</li>)}</ul>}
    </Panel>
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
