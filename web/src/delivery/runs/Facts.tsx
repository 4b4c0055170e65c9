import type { Resource } from '~/kernel/jsonapi'
import { refOf } from '~/kernel/jsonapi'
import { RunEpisode } from '~/drift/RunEpisode'
import { Fact, Facts, Panel } from '~/ui/Page'
import { StateLink } from '~/workspace/state/StateLink'
import { operations, reasonOf, sourceOf } from './words'

/** long is from how many characters on a message is told whole here: as a title it is cut. */
const long = 160

/** RunFacts is who and why, and what is special about a run. */
export function RunFacts({ org, run, workspace, who, confirmed }: { org: string; run: Resource<'runs'>; workspace: Resource<'workspaces'> | undefined; who: string | undefined; confirmed: string | undefined }) {
  const a = run.attributes
  const state = refOf(run, 'input-state-version')?.id
  return (
    <Panel title="Details" padded>
      <Facts>
        {(a.message.length > long || a.message.includes('\n')) && <Fact name="Message"><span className="whitespace-pre-wrap">{a.message}</span></Fact>}
        <Fact name="Kind">{operations[a.operation] ?? a.operation}</Fact>
        <Fact name="Started by">{who ?? 'the server'}</Fact>
        {confirmed && <Fact name="Confirmed by">{confirmed}</Fact>}
        <Fact name="From">{sourceOf(a.source)}</Fact>
        <Fact name="Reason">{reasonOf(a['trigger-reason'])}</Fact>
        <RunEpisode run={run.id} />
        <Fact name="Applies">{a['plan-only'] ? 'never' : a['auto-apply'] ? 'by itself' : 'after a person confirms'}</Fact>
        {a['terraform-version'] && <Fact name="Version">{a['terraform-version']}</Fact>}
        {!a.refresh && <Fact name="Refresh">skipped</Fact>}
        {a['allow-empty-apply'] && <Fact name="Empty apply">allowed</Fact>}
        <Addresses name="Targets" list={a['target-addrs']} />
        <Addresses name="Replaces" list={a['replace-addrs']} />
        <Addresses name="Actions" list={a['invoke-action-addrs']} />
        {a.variables.length > 0 && (
          <Fact name="Variables">
            <ul className="space-y-0.5 font-mono text-sm">{a.variables.map((v) => <li key={v.key}>{v.key} = {v.value}</li>)}</ul>
          </Fact>
        )}
        {state && workspace?.attributes.permissions['can-read-state-versions'] && <Fact name="Began from"><StateLink org={org} workspace={workspace.attributes.name} id={state} /></Fact>}
      </Facts>
    </Panel>
  )
}

function Addresses({ name, list }: { name: string; list: readonly string[] | null }) {
  if (!list || list.length === 0) return null
  return <Fact name={name}><ul className="space-y-0.5 font-mono text-sm">{list.map((l) => <li key={l} className="wrap-anywhere">{l}</li>)}</ul></Fact>
}
