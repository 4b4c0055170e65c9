import { useEffect, useState } from 'react'
import { Badge } from '~/ui/Badge'
import { Code } from '~/ui/Copy'
import { Diff } from '~/ui/Diff'
import { Caret } from '~/ui/Icon'
import { cx } from '~/ui/classes'
import { actions } from './actions'
import type { Action, Change } from './plan'

const boxes = {
  ok: 'bg-ok-soft text-ok', warn: 'bg-warn-soft text-warn', bad: 'bg-bad-soft text-bad', info: 'bg-info-soft text-info',
  replace: 'bg-replace-soft text-replace', idle: 'bg-idle-soft text-idle', accent: 'bg-accent-soft text-accent',
}

/** Sign is what becomes of a resource, as a sign. */
export function Sign({ action }: { action: Action }) {
  const { sign, tone } = actions[action]
  return <span aria-hidden="true" className={cx('inline-flex size-4.5 shrink-0 items-center justify-center rounded font-mono text-sm leading-none font-bold', boxes[tone])}>{sign}</span>
}

/** ChangeRow is one resource of a plan; it opens to its attributes. */
export function ChangeRow({ change: c, open: first }: { change: Change; open: boolean }) {
  const [open, setOpen] = useState(first)
  useEffect(() => setOpen(first), [first])
  const look = actions[c.action]
  return (
    <li className="border-b border-line last:border-0">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="touch flex w-full items-start gap-2.5 px-4 py-2 text-left hover:bg-hover">
        <Caret open={open} className="mt-1" />
        <span className="mt-0.5"><Sign action={c.action} /></span>
        <span className="min-w-0 flex-1">
          <Address change={c} />
          <span className="sr-only"> {look.will}</span>
          <Remarks change={c} />
        </span>
        <Badge tone={look.tone} className="mt-px max-sm:hidden">{look.word}</Badge>
      </button>
      {open && (
        <div className="border-t border-line bg-sunken/60">
          <Diff nodes={c.nodes()} whole={c.action === 'create' || c.action === 'delete' || c.action === 'read'} empty="No attribute changes." />
          {c.generatedConfig && <div className="p-4 pt-1"><Code title="Configuration that was written for it" text={c.generatedConfig} /></div>}
        </div>
      )}
    </li>
  )
}

function Address({ change: c }: { change: Change }) {
  const rest = c.module && c.address.startsWith(`${c.module}.`) ? c.address.slice(c.module.length + 1) : c.address
  return (
    <span className="font-mono text-sm wrap-anywhere">
      {rest !== c.address && <span className="text-faint">{c.module}.</span>}
      <span className="font-medium">{rest}</span>
    </span>
  )
}

function Remarks({ change: c }: { change: Change }) {
  const all = [
    c.reason && `because ${c.reason}`,
    c.action === 'replace' && (c.createFirst ? 'the new one is made before the old one is destroyed' : 'the old one is destroyed before the new one is made'),
    c.previousAddress && `was ${c.previousAddress}`,
    c.importing !== undefined && (c.importing ? `imported from ${c.importing}` : 'imported'),
    c.deposed && `deposed object ${c.deposed}`,
    c.deferred !== undefined && `put off to a later run${c.deferred && `: ${c.deferred}`}`,
    c.ephemeral && 'ephemeral: it lives only while the engine runs, and is in no state',
  ].filter(Boolean)
  if (all.length === 0) return null
  return <span className="block text-sm wrap-anywhere text-muted">{all.join(' · ')}</span>
}
