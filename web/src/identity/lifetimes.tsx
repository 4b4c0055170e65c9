// How long a token works: chosen when it is made, told as long as it is there.
import { isOver } from '~/kernel/times'
import { Badge } from '~/ui/Badge'
import { Field, Select } from '~/ui/Field'
import { Time } from '~/ui/Time'

const terms = [['30', '30 days'], ['90', '90 days'], ['365', 'a year']] as const

type Props = { days: string; error?: string | undefined; /** The last choice: no end, if the token may have none. */ most?: readonly [days: string, label: string]; onChange: (days: string) => void }

/** Lifetime chooses after how many days a token ends; "" is never (kernel/times, inDays). */
export function Lifetime({ days, error, most = ['', 'until it is revoked'], onChange }: Props) {
  return (
    <Field label="Works for" error={error}>
      <Select value={days} onChange={(e) => onChange(e.target.value)}>
        {[...terms, most].map(([value, label]) => <option key={value} value={value}>{label}</option>)}
      </Select>
    </Field>
  )
}

/** Ends is when a token ends. */
export function Ends({ at }: { at: string | null }) {
  return isOver(at) ? <Badge tone="bad" icon="cross">Over</Badge> : <Time at={at} />
}
