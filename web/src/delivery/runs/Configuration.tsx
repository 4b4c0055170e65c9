import { address } from '~/kernel/api'
import type { Resource } from '~/kernel/jsonapi'
import { Id } from '~/ui/Copy'
import { Fact, Facts, Panel } from '~/ui/Page'

type Props = { run: Resource<'runs'>; version: Resource<'configuration-versions'> | undefined; ingress: Resource<'ingress-attributes'> | undefined }

/** Configuration is which one a run plans, and where it is from. */
export function Configuration({ run, version, ingress }: Props) {
  if (!version) return null
  const a = version.attributes
  const g = ingress?.attributes
  const there = a.status === 'uploaded'
  return (
    <Panel title="Configuration" padded>
      <Facts>
        <Fact name="Id"><Id>{version.id}</Id></Fact>
        {g?.['commit-sha'] && <Fact name="Commit">{isPage(g['commit-url']) ? <a href={g['commit-url']} target="_blank" rel="noopener noreferrer" className="font-mono text-sm text-accent hover:underline">{g['commit-sha'].slice(0, 10)}</a> : <code className="font-mono text-sm">{g['commit-sha'].slice(0, 10)}</code>}</Fact>}
        {g?.['commit-message'] && <Fact name="Says">{g['commit-message'].split('\n')[0]}</Fact>}
        {g?.branch && <Fact name="Branch">{g.branch}</Fact>}
        {g?.['sender-username'] && <Fact name="By">{g['sender-username']}</Fact>}
        {a.speculative && <Fact name="For">plans only</Fact>}
        {a['error-message'] && <Fact name="Failed with"><span className="text-bad">{a['error-message']}</span></Fact>}
        {there && <Fact name="Files"><a href={address('/runs/{id}/configuration-version/download', { id: run.id })} download className="text-accent hover:underline">Download as .tar.gz</a></Fact>}
      </Facts>
    </Panel>
  )
}

function isPage(url: unknown): url is string {
  return typeof url === 'string' && /^https?:\/\//i.test(url)
}
