// The parts of custom access, as rows of what and how much; names are those of the API.
import { Matrix, type Row } from '~/ui/Segments'

/** Parts are the values of custom access, by their names in the API. */
export type Parts = Record<string, string | boolean>

const yesNo = [{ value: 'false', label: 'No' }, { value: 'true', label: 'Yes' }]
const pick = (...options: [value: string, label: string][]) => options.map(([value, label]) => ({ value, label }))

/** workspaceParts are what a team may do in a workspace. */
export const workspaceParts: readonly Row[] = [
  { name: 'runs', label: 'Runs', options: pick(['read', 'Read'], ['plan', 'Plan'], ['apply', 'Apply']) },
  { name: 'variables', label: 'Variables', options: pick(['none', 'No'], ['read', 'Read'], ['write', 'Write']) },
  { name: 'state-versions', label: 'State', options: pick(['none', 'No'], ['read-outputs', 'Outputs'], ['read', 'Read'], ['write', 'Write']) },
  { name: 'sentinel-mocks', label: 'Mock data for policies', options: pick(['none', 'No'], ['read', 'Read']) },
  { name: 'workspace-locking', label: 'Lock and unlock', options: yesNo },
  { name: 'run-tasks', label: 'Manage run tasks', options: yesNo },
  { name: 'policy-overrides', label: 'Override policies', options: yesNo },
]

/** projectParts are what a team may do with a project itself. */
export const projectParts: readonly Row[] = [
  { name: 'settings', label: 'Settings of the project', options: pick(['read', 'Read'], ['update', 'Change'], ['delete', 'Delete too']) },
  { name: 'teams', label: 'Access of teams', options: pick(['none', 'No'], ['read', 'Read'], ['manage', 'Manage']) },
  { name: 'variable-sets', label: 'Variable sets', options: pick(['none', 'No'], ['read', 'Read'], ['write', 'Write']) },
]

/** workspacesOfProject are what a team may do in every workspace of a project. */
export const workspacesOfProject: readonly Row[] = [
  { name: 'create', label: 'Create workspaces', options: yesNo },
  { name: 'move', label: 'Move workspaces', options: yesNo },
  { name: 'delete', label: 'Delete workspaces', options: yesNo },
  ...workspaceParts.map((r) => (r.name === 'workspace-locking' ? { ...r, name: 'locking' } : r)),
]

/** CustomMatrix chooses parts one by one. */
export function CustomMatrix({ rows, parts, onChange }: { rows: readonly Row[]; parts: Parts; onChange: (parts: Parts) => void }) {
  const valueOf = (name: string) => String(parts[name] ?? rows.find((r) => r.name === name)?.options[0]?.value)
  return <Matrix rows={rows} valueOf={valueOf} onChange={(name, v) => onChange({ ...parts, [name]: v === 'true' ? true : v === 'false' ? false : v })} />
}
