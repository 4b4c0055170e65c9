import { Choice, Field, Select, Wrong } from '~/ui/Field'
import { severityOptions } from '../words'
import type { Part } from './draft'

type ChosenProps = { label: string; items: { id: string; attributes: { name: string } }[]; chosen: string[]; onChange: (ids: string[]) => void; error: string | undefined; about?: string; none: string }

/** Chosen is a choice of any number of things by name. */
export function Chosen({ label, items, chosen, onChange, error, about, none }: ChosenProps) {
  return (
    <fieldset>
      <legend className="sr-only">{label}</legend>
      {items.length === 0 && <p className="text-muted">{none}</p>}
      <div className="grid gap-x-6 gap-y-2 sm:grid-cols-2">
        {items.map((c) => <Choice key={c.id} label={c.attributes.name} checked={chosen.includes(c.id)} onChange={(e) => onChange(e.target.checked ? [...chosen, c.id] : chosen.filter((id) => id !== c.id))} />)}
      </div>
      {items.length > 0 && about && <p className="mt-2 text-sm text-muted">{about}</p>}
      {error && <Wrong text={error} />}
    </fieldset>
  )
}

const occasions = [
  ['alert-on-change-only', 'Only when it is new or has changed', 'Else every scan that finds drift tells of it.'],
  ['alert-on-resolved', 'Also when the drift is gone', 'To those who were told of it.'],
  ['alert-on-error', 'Also when scans fail', 'After the second failure in a row, and again after an hour, a day and a week; and when they work again.'],
  ['alert-on-pending', 'Also when code is not applied', 'The code has changed and nobody has applied it. That is no drift.'],
] as const

/** Told says of what alerts tell. */
export function Told({ draft, onChange, wrong }: Part) {
  return (
    <div className="mt-4 space-y-3 border-t border-line pt-4">
      {occasions.map(([name, label, help]) => <Choice key={name} label={label} help={help} checked={draft[name]} onChange={(e) => onChange({ [name]: e.target.checked })} />)}
      <Field label="Tell of" error={wrong['min-severity']} className="max-w-64">
        <Select value={draft['min-severity']} onChange={(e) => onChange({ 'min-severity': e.target.value })}>
          {severityOptions.toReversed().map(([v, name]) => <option key={v} value={v}>{v === 'info' ? 'all drift' : `${name.toLowerCase()}${v === 'critical' ? ' only' : ' and worse'}`}</option>)}
        </Select>
      </Field>
    </div>
  )
}
