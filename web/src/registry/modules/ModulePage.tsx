// A module: what it is for, how to use it, and its versions.
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import type { Resource } from '~/kernel/jsonapi'
import { isMissing } from '~/kernel/problem'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Code } from '~/ui/Copy'
import { Dialog } from '~/ui/Dialog'
import { Empty, Failure, NotFound, Notice } from '~/ui/Failure'
import { Select } from '~/ui/Field'
import { InOrder } from '~/ui/InOrder'
import { Page, Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { Tests } from '../tests/Tests'
import { constraintOf } from '../versions'
import { Banner, Lifecycle } from './Lifecycle'
import { PartView } from './PartView'
import { Upload } from './Upload'
import { detailsQuery, moduleQuery, type Address, type Details } from './queries'

const from = '/$org/registry/modules/$namespace/$name/$provider'

export function ModulePage() {
  const address = useParams({ from })
  const module = useQuery(moduleQuery(address))
  if (module.isPending) return <Page title={address.name} status={<Badge>{address.provider}</Badge>} about={<code className="font-mono text-sm">{address.namespace}/{address.name}/{address.provider}</code>}><Panel><SkeletonRows rows={8} /></Panel></Page>
  if (module.error) return isMissing(module.error) ? <NotFound /> : <div className="p-6"><Failure error={module.error} retry={() => void module.refetch()} /></div>
  return <Module address={address} module={module.data} />
}

function Module({ address, module: m }: { address: Address; module: Resource<'registry-modules'> }) {
  const search = useSearch({ from })
  const navigate = useNavigate({ from })
  const [uploading, setUploading] = useState(false)
  const a = m.attributes
  const ready = a['version-statuses'].filter((v) => v.status === 'ok').map((v) => v.version)
  const revoked = a['revoked-versions'] ?? []
  const usable = ready.filter((v) => !revoked.includes(v))
  const latest = usable[0] ?? ready[0]
  const version = search.version ?? latest
  const details = useQuery(detailsQuery(address, version))
  const manages = a.permissions['can-resync']
  const uploads = manages && a['publishing-mechanism'] !== 'git_tag'
  return (
    <Page
      title={a.name}
      status={<><Badge>{a.provider}</Badge>{a['no-code'] && <Badge>no-code</Badge>}</>}
      about={<code className="font-mono text-sm">{a.namespace}/{a.name}/{a.provider}</code>}
      actions={
        <>
          {ready.length > 0 && (
            <Select aria-label="Version" className="w-44!" value={version} onChange={(e) => void navigate({ search: { ...search, version: e.target.value === latest ? undefined : e.target.value }, replace: true })}>
              {ready.map((v) => <option key={v} value={v}>{v}{revoked.includes(v) ? ' (revoked)' : v === latest ? ' (latest)' : ''}</option>)}
            </Select>
          )}
          {uploads && <Button look="primary" icon="plus" onClick={() => setUploading(true)}>New version</Button>}
        </>
      }
    >
      {details.data && <Banner details={details.data} />}
      {details.isPending && version !== undefined && [...revoked, ...(a['deprecated-versions'] ?? [])].includes(version) && <Skeleton className="mb-5 h-10 w-full" />}
      <InOrder below="lg" className="grid gap-5 lg:grid-cols-[minmax(0,1fr)_22rem]">
        <InOrder className="min-w-0 space-y-5">
          {version === undefined && <None module={m} />}
          {version !== undefined && details.isPending && <Panel><SkeletonRows /></Panel>}
          {details.error && <Failure error={details.error} retry={() => void details.refetch()} />}
          {details.data && <Shown details={details.data} part={search.part ?? ''} onPart={(part) => void navigate({ search: { ...search, part: part === '' ? undefined : part }, replace: true })} />}
          {manages && <Tests address={address} />}
        </InOrder>
        <div className="min-w-0 space-y-5">
          {version !== undefined && !revoked.includes(version) && <Panel title="Use it" padded><Code text={snippet(address, constraintOf(version, usable))} /><p className="mt-2 text-sm text-muted">{version === latest ? 'Takes newer versions that change nothing for those who use it.' : 'Takes this version and no other.'}</p></Panel>}
          <Versions module={m} shown={version} onVersion={(v) => void navigate({ search: { ...search, version: v }, replace: true })} />
          {details.data && manages && <Panel title="Manage this version" padded><Lifecycle address={address} details={details.data} mayDelete={a.permissions['can-delete']} onDeleted={() => void navigate({ search: {}, replace: true })} /></Panel>}
        </div>
      </InOrder>
      {uploading && <Dialog title={`New version of ${a.name}`} onClose={() => setUploading(false)}><Upload address={address} latest={a['version-statuses'][0]?.version} onDone={() => setUploading(false)} /></Dialog>}
    </Page>
  )
}

function snippet(a: Address, constraint: string): string {
  return `module "${a.name}" {\n  source  = "${window.location.host}/${a.namespace}/${a.name}/${a.provider}"\n  version = "${constraint}"\n}\n`
}

function None({ module: m }: { module: Resource<'registry-modules'> }) {
  const failed = m.attributes['version-statuses'].find((v) => v.error)
  if (failed) return <Notice tone="bad" icon="warning">Version {failed.version} could not be read: {failed.error}</Notice>
  const reading = m.attributes['version-statuses'].some((v) => v.status === 'reg_ingressing')
  return <Panel><Empty icon="registry" title={reading ? 'Its files are being read' : 'No version yet'}>{!reading && <p>Upload an archive with the first version.</p>}</Empty></Panel>
}

function Shown({ details: d, part, onPart }: { details: Details; part: string; onPart: (part: string) => void }) {
  const parts = [d.root, ...(d.submodules ?? []), ...(d.examples ?? [])]
  const shown = parts.find((p) => p.path === part) ?? d.root
  return (
    <>
      {parts.length > 1 && (
        <div role="group" aria-label="Part" className="flex flex-wrap gap-1.5">
          {parts.map((p) => (
            <button key={p.path} type="button" aria-pressed={p === shown} onClick={() => onPart(p.path)} className={cx('h-7 rounded-full border px-3 text-sm', p === shown ? 'border-accent bg-accent-soft font-medium text-accent' : 'border-line bg-surface text-muted hover:text-text')}>
              {p.path === '' ? 'The module' : p.path}
            </button>
          ))}
        </div>
      )}
      <PartView key={shown.path} part={shown} />
    </>
  )
}

const looks: Record<string, { label: string; tone: 'ok' | 'info' | 'bad' | 'idle' }> = {
  ok: { label: 'ready', tone: 'ok' },
  pending: { label: 'waits for its archive', tone: 'idle' },
  cloning: { label: 'cloning', tone: 'info' },
  reg_ingressing: { label: 'being read', tone: 'info' },
  clone_failed: { label: 'failed', tone: 'bad' },
  reg_ingress_failed: { label: 'failed', tone: 'bad' },
}

function Versions({ module: m, shown, onVersion }: { module: Resource<'registry-modules'>; shown: string | undefined; onVersion: (v: string) => void }) {
  const list = m.attributes['version-statuses']
  const revoked = m.attributes['revoked-versions'] ?? []
  const deprecated = m.attributes['deprecated-versions'] ?? []
  if (list.length === 0) return null
  return (
    <Panel title="Versions">
      <ul aria-label="Versions" className="max-h-96 overflow-y-auto">
        {list.map((v) => (
          <li key={v.version} className="flex min-h-9 flex-wrap items-center justify-between gap-x-2 border-b border-line px-4 py-1.5 last:border-0">
            {v.status === 'ok' ? <button type="button" aria-pressed={v.version === shown} onClick={() => onVersion(v.version)} className={cx('font-mono text-sm hover:underline', v.version === shown ? 'font-semibold' : 'text-accent')}>{v.version}</button> : <span className="font-mono text-sm">{v.version}</span>}
            {revoked.includes(v.version) ? <Badge tone="bad">revoked</Badge> : deprecated.includes(v.version) ? <Badge tone="warn">deprecated</Badge> : <Badge tone={looks[v.status]?.tone ?? 'idle'} busy={v.status === 'reg_ingressing'}>{looks[v.status]?.label ?? v.status}</Badge>}
            {v.error && <p className="basis-full text-sm text-bad">{v.error}</p>}
          </li>
        ))}
      </ul>
      <p className="border-t border-line px-4 py-2 text-sm text-muted">Changed <Time at={m.attributes['updated-at']} /></p>
    </Panel>
  )
}
