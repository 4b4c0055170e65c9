// Where runs are executed: an organization says it, a project may say otherwise, and so may
// a workspace.
import { useQuery } from '@tanstack/react-query'
import { count } from '~/kernel/formats'
import { allQuery } from '~/kernel/queries'
import { Field, Select } from '~/ui/Field'

/** executionWords are the modes in words. */
export const executionWords: Record<string, string> = { remote: 'on the server', agent: 'on agents of a pool', local: 'elsewhere: state only' }

type Props = {
  org: string
  /** A mode, or "" for what is inherited. */
  mode: string
  onMode: (mode: string) => void
  pool: string
  onPool: (id: string) => void
  help?: string
  /** What "" means, where it may be chosen: "as the project says". */
  inherited?: string
  wrong: { mode?: string | undefined; pool?: string | undefined }
}

/** Execution are the fields that choose the mode, and the pool if it needs one. */
export function Execution({ org, mode, onMode, pool, onPool, help, inherited, wrong }: Props) {
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Field label="Runs are executed" help={help} error={wrong.mode}>
        <Select value={mode} onChange={(e) => onMode(e.target.value)}>
          {inherited && <option value="">{inherited}</option>}
          {Object.entries(executionWords).map(([value, words]) => <option key={value} value={value}>{words}</option>)}
        </Select>
      </Field>
      {mode === 'agent' && <Pool org={org} value={pool} error={wrong.pool} onChange={onPool} />}
    </div>
  )
}

function Pool({ org, value, error, onChange }: { org: string; value: string; error: string | undefined; onChange: (id: string) => void }) {
  const pools = useQuery(allQuery('agent-pools', '/organizations/{organization}/agent-pools', { organization: org }))
  return (
    <Field label="Agent pool" error={error}>
      <Select required value={value} onChange={(e) => onChange(e.target.value)}>
        <option value="">Choose…</option>
        {pools.data?.map((p) => <option key={p.id} value={p.id}>{p.attributes.name} ({count(p.attributes['agent-count'], 'agent')})</option>)}
      </Select>
    </Field>
  )
}
