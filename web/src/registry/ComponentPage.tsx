// A Stack component configuration: its versions, and what each takes, gives and is made of.
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { send, address } from '~/kernel/api'
import { isMissing } from '~/kernel/problem'
import { allQuery, polling, readQuery } from '~/kernel/queries'
import { Badge, type Tone } from '~/ui/Badge'
import { Code } from '~/ui/Copy'
import { Empty, Failure, NotFound, Notice } from '~/ui/Failure'
import { Page, Panel } from '~/ui/Page'
import { Skeleton, SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { Markdown, MarkdownLine } from '~/ui/markdown/Markdown'
import { byVersion } from './versions'

const from = '/$org/registry/components/$component'

export function ComponentPage() {
  const { org, component: id } = useParams({ from })
  const { version: asked } = useSearch({ from })
  const navigate = useNavigate({ from })
  const component = useQuery({ ...readQuery('registry-components', '/registry-components/{id}', { id }), ...polling })
  const versions = useQuery({ ...allQuery('registry-component-versions', '/registry-components/{id}/versions', { id }), ...polling })
  if (component.isPending) return <div className="mx-auto w-full max-w-6xl px-4 pt-6 sm:px-6" role="status" aria-label="Loading"><Skeleton className="h-7 w-64" /><Skeleton className="mt-8 h-80 w-full" /></div>
  if (component.error) return isMissing(component.error) ? <NotFound /> : <div className="p-6"><Failure error={component.error} retry={() => void component.refetch()} /></div>
  const a = component.data.item.attributes
  const list = (versions.data ?? []).toSorted((x, y) => byVersion(x.attributes.version, y.attributes.version))
  const shown = list.find((v) => v.attributes.version === asked) ?? list.find((v) => v.attributes.status === 'completed') ?? list[0]
  return (
    <Page title={a.name} status={a['latest-version'] && <Badge tone="ok">{a['latest-version']}</Badge>} about={a.description ? <Markdown text={a.description} level={3} /> : <code className="font-mono text-sm">{a.namespace}/{a.name}</code>}>
      <div className="grid gap-5 lg:grid-cols-[minmax(0,1fr)_20rem]">
        <div className="min-w-0 space-y-5">
          {versions.isPending && <Panel><SkeletonRows rows={4} /></Panel>}
          {versions.data && !shown && <Panel><Empty icon="registry" title="No version yet"><p>The API takes an archive of the component configuration.</p></Empty></Panel>}
          {shown && (
            <>
              {shown.attributes['error-message'] && <Notice tone="bad" icon="warning">Version {shown.attributes.version} could not be read: {shown.attributes['error-message']}</Notice>}
              {shown.attributes.readme && <Panel title="README" padded><Markdown text={shown.attributes.readme} level={3} /></Panel>}
              {parts.map((p) => <Part key={p.kind} id={id} version={shown.attributes.version} {...p} />)}
            </>
          )}
        </div>
        <div className="min-w-0 space-y-5">
          {shown && <Panel title="Use it" padded><Code text={`component "${a.name.replaceAll(/[^\w-]/g, '_')}" {\n  source  = "${window.location.host}/${org}/${a.name}"\n  version = "${shown.attributes.version}"\n}\n`} /></Panel>}
          {list.length > 0 && (
            <Panel title="Versions">
              <ul aria-label="Versions" className="max-h-96 overflow-y-auto">
                {list.map((v) => (
                  <li key={v.id} className="flex min-h-9 items-center justify-between gap-2 border-b border-line px-4 py-1.5 last:border-0">
                    <button type="button" aria-pressed={v === shown} onClick={() => void navigate({ search: { version: v.attributes.version }, replace: true })} className={cx('font-mono text-sm hover:underline', v === shown ? 'font-semibold' : 'text-accent')}>{v.attributes.version}</button>
                    <span className="flex items-center gap-2">
                      <Badge tone={tones[v.attributes.status] ?? 'idle'}>{v.attributes.status}</Badge>
                      {v.attributes['published-at'] && <Time at={v.attributes['published-at']} className="text-sm text-muted" />}
                    </span>
                  </li>
                ))}
              </ul>
            </Panel>
          )}
        </div>
      </div>
    </Page>
  )
}

const tones: Record<string, Tone> = { completed: 'ok', pending: 'info', errored: 'bad' }

const parts = [
  { kind: 'variables', title: 'Inputs' },
  { kind: 'outputs', title: 'Outputs' },
  { kind: 'providers', title: 'Providers' },
  { kind: 'subcomponents', title: 'Components and stacks inside' },
] as const

type Row = { id: string; attributes: Record<string, unknown> }

/** Part is what a version has of a kind; nothing if it has none. */
function Part({ id, version, kind, title }: { id: string; version: string; kind: (typeof parts)[number]['kind']; title: string }) {
  const list = useQuery({
    queryKey: ['registry-component-versions', kind, id, version],
    queryFn: async ({ signal }) => ((await send('GET', address(`/registry-components/{id}/versions/{version}/${kind}`, { id, version }), undefined, signal)) as { data: Row[] }).data,
  })
  if (list.error) return <Failure error={list.error} retry={() => void list.refetch()} />
  if (!list.data || list.data.length === 0) return null
  return (
    <Panel title={`${title} (${list.data.length})`}>
      <ul aria-label={title}>
        {list.data.map((r) => (
          <li key={r.id} className="border-b border-line px-4 py-2.5 last:border-0">
            <div className="flex flex-wrap items-center gap-2">
              <span className="font-mono text-sm font-medium wrap-anywhere">{text(r, 'name')}</span>
              {text(r, 'type') && <span className="font-mono text-sm text-muted">{text(r, 'type')}</span>}
              {text(r, 'kind') && <Badge>{text(r, 'kind')}</Badge>}
              {r.attributes.required === true && <Badge tone="accent">required</Badge>}
              {r.attributes.sensitive === true && <Badge tone="warn">sensitive</Badge>}
              {text(r, 'version') && <span className="ml-auto font-mono text-sm text-muted">{text(r, 'version')}</span>}
            </div>
            {text(r, 'source') && <p className="mt-0.5 font-mono text-sm wrap-anywhere text-muted">{text(r, 'source')}</p>}
            {text(r, 'description') && <p className="mt-0.5 wrap-anywhere text-muted"><MarkdownLine text={text(r, 'description')} /></p>}
          </li>
        ))}
      </ul>
    </Panel>
  )
}

function text(r: Row, name: string): string {
  const v = r.attributes[name]
  return typeof v === 'string' ? v : v === null || v === undefined || typeof v === 'boolean' ? '' : JSON.stringify(v)
}
