import { useMemo, useState } from 'react'
import { compare } from '~/kernel/diff/model'
import { count, number } from '~/kernel/formats'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { CopyButton } from '~/ui/Copy'
import { Diff } from '~/ui/Diff'
import { Choice, SearchInput, Select } from '~/ui/Field'
import { Caret } from '~/ui/Icon'
import type { Instance, State } from './file'

/** step is how many resources are shown at a time. */
const step = 200

/** Explorer is the resources of a state with their attributes. */
export function Explorer({ state }: { state: State }) {
  const [words, setWords] = useState('')
  const [type, setType] = useState('')
  const [reveal, setReveal] = useState(false)
  const [shown, setShown] = useState(step)
  const types = useMemo(() => [...new Set(state.resources.map((r) => r.type))].toSorted(), [state])
  const found = useMemo(() => {
    const wanted = words.toLowerCase().split(/\s+/).filter((w) => w !== '')
    return state.resources.filter((r) => (type === '' || r.type === type) && wanted.every((w) => r.address.toLowerCase().includes(w)))
  }, [state, words, type])
  if (state.resources.length === 0) return <p className="p-4 text-muted">This state has no resources.</p>
  return (
    <div>
      <div className="flex flex-wrap items-center gap-2 border-b border-line px-4 py-2.5 print:hidden">
        <SearchInput label="Search addresses" className="min-w-48 flex-1" value={words} onChange={(e) => setWords(e.target.value)} />
        <Select aria-label="Type" className="w-56! max-sm:w-full!" value={type} onChange={(e) => setType(e.target.value)}>
          <option value="">All types</option>
          {types.map((t) => <option key={t} value={t}>{t}</option>)}
        </Select>
        <Choice label="Show sensitive values" checked={reveal} onChange={(e) => setReveal(e.target.checked)} />
      </div>
      <ul aria-label="Resources">
        {found.slice(0, shown).map((r) => <Row key={r.address} instance={r} reveal={reveal} />)}
      </ul>
      {found.length === 0 && <p className="p-4 text-muted">No resource is like that.</p>}
      {found.length > shown && (
        <div className="flex items-center gap-3 px-4 py-2.5 text-muted">
          <Button small onClick={() => setShown(shown + step)}>Show more</Button>
          {number(shown)} of {count(found.length, 'resource')}
        </div>
      )}
    </div>
  )
}

function Row({ instance: r, reveal }: { instance: Instance; reveal: boolean }) {
  const [open, setOpen] = useState(false)
  const rest = r.module === '' ? r.address : r.address.slice(r.module.length + 1)
  return (
    <li className="border-b border-line last:border-0">
      <div className="flex items-center pr-2 hover:bg-hover">
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="touch flex min-h-9 min-w-0 flex-1 items-center gap-2.5 py-1.5 pl-4 text-left">
          <Caret open={open} />
          <span className="min-w-0 font-mono text-sm wrap-anywhere">
            {r.module !== '' && <span className="text-faint">{r.module}.</span>}
            <span className="font-medium">{rest}</span>
          </span>
          {r.tainted && <Badge tone="warn" icon="warning">tainted</Badge>}
          {r.data && <Badge tone="info">data</Badge>}
        </button>
        <CopyButton text={r.address} label="Copy the address" />
      </div>
      {open && <Attributes instance={r} reveal={reveal} />}
    </li>
  )
}

function Attributes({ instance: r, reveal }: { instance: Instance; reveal: boolean }) {
  const side = { value: r.attributes, sensitive: reveal ? undefined : r.sensitive }
  return (
    <div className="border-t border-line bg-sunken/60">
      <Diff nodes={compare(side, side)} whole empty="It has no attributes." />
      <dl className="border-t border-line px-4 py-2 text-sm text-muted">
        <div className="flex gap-2"><dt>Provider</dt><dd className="font-mono wrap-anywhere">{r.provider}</dd></div>
        {r.dependencies.length > 0 && <div className="flex gap-2"><dt className="whitespace-nowrap">Depends on</dt><dd className="font-mono wrap-anywhere">{r.dependencies.join(', ')}</dd></div>}
      </dl>
    </div>
  )
}
