import { useState } from 'react'
import { show } from '~/kernel/diff/values'
import { Button } from '~/ui/Button'
import { CopyButton } from '~/ui/Copy'
import { Icon } from '~/ui/Icon'
import type { Output } from './file'

/** Outputs are those of a state; sensitive ones show when somebody asks. */
export function Outputs({ outputs }: { outputs: readonly Output[] }) {
  if (outputs.length === 0) return <p className="p-4 text-muted">This state has no outputs.</p>
  return (
    <dl>
      {outputs.map((o) => (
        <div key={o.name} className="flex min-h-11 items-center gap-4 border-b border-line px-4 py-2 last:border-0 max-sm:flex-col max-sm:items-start max-sm:gap-1">
          <dt className="w-56 shrink-0 font-mono text-sm font-medium wrap-anywhere max-sm:w-auto">{o.name}</dt>
          <dd className="flex min-w-0 flex-1 items-center gap-1"><Value output={o} /></dd>
        </div>
      ))}
    </dl>
  )
}

function Value({ output }: { output: Output }) {
  const [seen, setSeen] = useState(!output.sensitive)
  const text = typeof output.value === 'string' ? output.value : show(output.value)
  if (!seen) return <><span className="flex items-center gap-1.5 text-muted"><Icon name="lock" size={14} />sensitive</span><Button small look="quiet" icon="eye" onClick={() => setSeen(true)}>Show</Button></>
  return <><span className="min-w-0 font-mono text-sm wrap-anywhere whitespace-pre-wrap">{text}</span><CopyButton text={text} /></>
}
