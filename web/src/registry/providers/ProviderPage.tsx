// A provider: its versions, their platforms, and what is missing before engines get it.
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import type { Resource } from '~/kernel/jsonapi'
import { isMissing } from '~/kernel/problem'
import { allQuery, polling, readQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Code } from '~/ui/Copy'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure, NotFound } from '~/ui/Failure'
import { Caret, Icon } from '~/ui/Icon'
import { InOrder } from '~/ui/InOrder'
import { Page, Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { byVersion, constraintOf } from '../versions'
import { NewVersion } from './NewVersion'
import { providerPath as path, type Params } from './publish'

const from = '/$org/registry/providers/$registry/$namespace/$name'

export function ProviderPage() {
  const { org, registry, namespace, name } = useParams({ from })
  const params = { organization: org, registry, namespace, name }
  const provider = useQuery({ ...readQuery('registry-providers', path, params), ...polling })
  const [removing, setRemoving] = useState(false)
  const [adding, setAdding] = useState(false)
  const navigate = useNavigate()
  const change = useChange(['registry-providers'], () => api.remove(path, params), () => void navigate({ to: '/$org/registry/providers', params: { org } }))
  if (provider.isPending) return <Page title={name} about={<code className="font-mono text-sm">{namespace}/{name}</code>}><Panel><SkeletonRows rows={3} /></Panel></Page>
  if (provider.error) return isMissing(provider.error) ? <NotFound /> : <div className="p-6"><Failure error={provider.error} /></div>
  const isPublic = registry === 'public'
  const may = provider.data.item.attributes.permissions
  return (
    <Page
      title={name}
      status={isPublic && <Badge tone="info">public</Badge>}
      about={<code className="font-mono text-sm">{namespace}/{name}</code>}
      actions={
        <>
          {!isPublic && may['can-delete'] && <Button look="primary" icon="plus" onClick={() => setAdding(true)}>New version</Button>}
          {may['can-delete'] && <Button look="danger" icon="trash" onClick={() => setRemoving(true)}>Remove</Button>}
        </>
      }
    >
      <InOrder below="lg" className="grid gap-5 lg:grid-cols-[minmax(0,1fr)_24rem]">
        {isPublic ? <Panel padded><p className="text-muted">A public provider that the organization recommends. Engines install it from the public registry, or from the network mirror of this server.</p></Panel> : <Versions params={params} />}
        <InOrder className="min-w-0 space-y-5">
          <Panel title="Use it" padded><Use source={isPublic ? `${namespace}/${name}` : `${window.location.host}/${namespace}/${name}`} params={params} /></Panel>
          {!isPublic && <Steps org={org} name={name} />}
        </InOrder>
      </InOrder>
      {adding && <NewVersion params={params} onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm title={`Remove ${name}`} action="Remove" typed={name} busy={change.isPending} error={change.error} onConfirm={() => change.mutate(undefined)} onClose={() => setRemoving(false)}>
          <p>{isPublic ? 'The record is removed; the provider itself stays where it is.' : 'All its versions are deleted. Configurations that use it cannot be initialized any more.'}</p>
        </Confirm>
      )}
    </Page>
  )
}

/** Use is how a configuration asks for it: of its own versions, the newest that engines can get. */
function Use({ source, params }: { source: string; params: Params }) {
  const own = params.registry === 'private'
  const list = useQuery({ ...allQuery('registry-provider-versions', `${path}/versions`, params), enabled: own })
  const ready = (list.data ?? []).filter((v) => v.attributes['shasums-uploaded'] && v.attributes['shasums-sig-uploaded']).map((v) => v.attributes.version).toSorted(byVersion)
  const newest = ready.find((v) => !v.includes('-')) ?? ready[0]
  if (own && list.isPending) return <Skeleton className="h-36 w-full" />
  const version = newest === undefined ? '' : `\n      version = "${constraintOf(newest, ready)}"`
  return <Code text={`terraform {\n  required_providers {\n    ${params.name} = {\n      source${version && ' '} = "${source}"${version}\n    }\n  }\n}\n`} />
}

function Versions({ params }: { params: Params }) {
  const list = useQuery({ ...allQuery('registry-provider-versions', `${path}/versions`, params), ...polling })
  return (
    <Panel title="Versions">
      {list.isPending && <SkeletonRows rows={3} />}
      {list.error && <Failure error={list.error} className="m-4" />}
      {list.data?.length === 0 && <Empty icon="registry" title="No version yet"><p>“New version” takes the files of a build. The steps beside do the same by the API.</p></Empty>}
      {list.data && list.data.length > 0 && <ul aria-label="Versions">{list.data.map((v, i) => <Version key={v.id} params={params} version={v} open={i === 0} />)}</ul>}
    </Panel>
  )
}

function Version({ params, version, open: first }: { params: Params; version: Resource<'registry-provider-versions'>; open: boolean }) {
  const [open, setOpen] = useState(first)
  const a = version.attributes
  const signed = a['shasums-uploaded'] && a['shasums-sig-uploaded']
  return (
    <li className="border-b border-line last:border-0">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex min-h-11 w-full items-center gap-3 px-4 py-1.5 text-left hover:bg-hover">
        <Caret open={open} />
        <span className="font-mono font-medium">{a.version}</span>
        <span className="text-sm text-muted max-sm:hidden">protocols {a.protocols.join(', ')}</span>
        <span className="ml-auto flex items-center gap-3">
          {signed ? <Badge tone="ok" icon="key">signed</Badge> : <Badge tone="warn" icon="warning">not signed yet</Badge>}
          <Time at={a['created-at']} className="text-sm text-muted" />
        </span>
      </button>
      {open && <Platforms params={params} version={version} />}
    </li>
  )
}

function Platforms({ params, version }: { params: Params; version: Resource<'registry-provider-versions'> }) {
  const list = useQuery(allQuery('registry-provider-platforms', `${path}/versions/{version}/platforms`, { ...params, version: version.attributes.version }))
  const a = version.attributes
  return (
    <div className="space-y-3 border-t border-line bg-sunken/60 px-4 py-3 text-sm">
      <ul className="flex flex-wrap gap-x-5 gap-y-1">
        <Asset there={a['shasums-uploaded']}>SHA256SUMS</Asset>
        <Asset there={a['shasums-sig-uploaded']}>SHA256SUMS.sig, by key <code className="font-mono">{a['key-id']}</code></Asset>
      </ul>
      {list.isPending && <Skeleton className="h-10 w-full" />}
      {list.data?.length === 0 && <p className="text-muted">It has no platform yet.</p>}
      {list.data && list.data.length > 0 && (
        <ul aria-label="Platforms" className="space-y-1">
          {list.data.map((p) => <Asset key={p.id} there={p.attributes['provider-binary-uploaded']}><b className="font-medium">{p.attributes.os}/{p.attributes.arch}</b> <span className="font-mono wrap-anywhere text-muted">{p.attributes.filename}</span></Asset>)}
        </ul>
      )}
    </div>
  )
}

function Asset({ there, children }: { there: boolean; children: React.ReactNode }) {
  return (
    <li className="flex items-start gap-1.5">
      <Icon name={there ? 'check' : 'clock'} size={14} className={cx('mt-0.5', there ? 'text-ok' : 'text-warn')} />
      <span className="min-w-0">{children}<span className="sr-only">{there ? ', uploaded' : ', missing'}</span></span>
    </li>
  )
}

/** Steps is how a version is published: these are calls, because the archives are made by a build. */
function Steps({ org, name }: { org: string; name: string }) {
  const base = `${window.location.origin}/api/v2/organizations/${org}/registry-providers/private/${org}/${name}`
  const call = (url: string, attributes: string, type: string) => `curl -H "Authorization: Bearer $TOKEN" \\\n  -H "Content-Type: application/vnd.api+json" \\\n  -d '{"data": {"type": "${type}", "attributes": ${attributes}}}' \\\n  ${url}`
  return (
    <Panel title="Publish a version from a pipeline" padded>
      <ol className="list-decimal space-y-3 pl-5">
        <li>Build archives, for example with GoReleaser, and sign SHA256SUMS with a key of this registry.</li>
        <li>Make the version; upload SHA256SUMS and its signature to the addresses in the answer.<Code className="mt-2" text={call(`${base}/versions`, '{"version": "1.0.0", "key-id": "KEY_ID", "protocols": ["6.0"]}', 'registry-provider-versions')} /></li>
        <li>Make each platform; upload its archive to the address in the answer.<Code className="mt-2" text={call(`${base}/versions/1.0.0/platforms`, '{"os": "linux", "arch": "amd64", "filename": "…zip", "shasum": "…"}', 'registry-provider-version-platforms')} /></li>
      </ol>
    </Panel>
  )
}
