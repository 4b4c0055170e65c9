// Shows what is different between two values: one line for each attribute, as in a plan.
import { useState, type ReactNode } from 'react'
import type { Node, Op } from '~/kernel/diff/model'
import type { TextLine } from '~/kernel/diff/sequences'
import { count } from '~/kernel/formats'
import { cx } from './classes'

const signs: Record<Op, string> = { add: '+', remove: '−', change: '~', same: ' ' }
const spoken: Record<Op, string> = { add: 'added', remove: 'removed', change: 'changed', same: '' }
const colours: Record<Op, string> = { add: 'text-ok', remove: 'text-bad', change: 'text-warn', same: 'text-muted' }

/** Diff shows the attributes that are different, and on demand those that are not. */
export function Diff({ nodes, whole, empty = 'No attribute is different.' }: { nodes: readonly Node[]; whole?: boolean; empty?: string }) {
  return (
    <div className="overflow-x-auto py-1.5 font-mono text-sm leading-6" role="group" aria-label="Attributes">
      {nodes.length === 0 ? <p className="px-4 font-sans text-muted">{empty}</p> : <Nodes nodes={nodes} depth={0} whole={whole ?? false} />}
    </div>
  )
}

/** named attributes are shown even if they stay: they tell which thing it is. */
const telling = new Set(['id', 'name'])

function Nodes({ nodes, depth, whole }: { nodes: readonly Node[]; depth: number; whole: boolean }) {
  const [all, setAll] = useState(whole)
  const shown = all ? nodes : nodes.filter((n) => n.op !== 'same' || (depth === 0 && telling.has(n.key)))
  const rest = nodes.length - shown.length
  return (
    <>
      {shown.map((n, i) => (
        <One key={`${n.key} ${i}`} node={n} depth={depth} whole={whole} />
      ))}
      {rest > 0 && (
        <Line depth={depth} op="same">
          <button type="button" onClick={() => setAll(true)} className="font-sans text-muted hover:text-text hover:underline">
            {nodes[0]?.key === '' ? count(rest, 'element stays', 'elements stay') : count(rest, 'attribute stays', 'attributes stay')} as {rest === 1 ? 'it is' : 'they are'}
          </button>
        </Line>
      )}
    </>
  )
}

function Line({ depth, op, children, className }: { depth: number; op: Op; children: ReactNode; className?: string }) {
  return (
    <div className={cx('flex min-w-fit gap-2 px-4', className)} style={{ paddingLeft: 16 + depth * 20 }}>
      <span className={cx('w-3 shrink-0 text-center select-none', colours[op])} aria-hidden="true">{signs[op]}</span>
      {op !== 'same' && <span className="sr-only">{spoken[op]}</span>}
      <div className="min-w-0">{children}</div>
    </div>
  )
}

const open: Record<string, string> = { '{}': '{', '[]': '[', 'json{}': 'jsonencode({', 'json[]': 'jsonencode([' }
const close: Record<string, string> = { '{}': '}', '[]': ']', 'json{}': '})', 'json[]': '])' }

function One({ node, depth, whole }: { node: Node; depth: number; whole: boolean }) {
  const name = node.key !== '' && (
    <>
      <span className={node.op === 'same' ? 'text-muted' : 'text-text'}>{node.key}</span>
      <span className="text-faint">{node.block ? ' ' : ' = '}</span>
    </>
  )
  if (node.children) {
    const brackets = node.brackets ?? '{}'
    return (
      <>
        <Line depth={depth} op={node.op}>{name}<span className="text-faint">{open[brackets]}</span><Replaces node={node} /></Line>
        <Nodes nodes={node.children} depth={depth + 1} whole={whole || node.op === 'same'} />
        <Line depth={depth} op="same"><span className="text-faint">{close[brackets]}</span></Line>
      </>
    )
  }
  if (node.lines) {
    return (
      <>
        <Line depth={depth} op={node.op}>{name}<span className="text-faint">text</span><Replaces node={node} /></Line>
        <Text lines={node.lines} depth={depth + 1} />
      </>
    )
  }
  return <Line depth={depth} op={node.op}>{name}<Value node={node} /><Replaces node={node} /></Line>
}

function Replaces({ node }: { node: Node }) {
  return node.replaces && <span className="ml-2 rounded bg-replace-soft px-1.5 font-sans text-xs text-replace">forces replacement</span>
}

function Value({ node }: { node: Node }) {
  if (node.sensitive) return <Quiet>{node.op === 'change' ? 'sensitive, changes' : 'sensitive'}</Quiet>
  const after = node.unknown ? <Quiet>known after apply</Quiet> : node.after !== undefined && <Long text={node.after} className={node.op === 'change' ? 'text-ok' : undefined} />
  if (node.op !== 'change') return after || <Long text={node.before ?? ''} className={node.op === 'remove' ? 'text-muted line-through decoration-faint' : 'text-muted'} />
  return (
    <>
      {node.before !== undefined && <Long text={node.before} className="text-bad" />}
      <span className="px-1.5 text-faint" aria-label="becomes">→</span>
      {after || <Quiet>null</Quiet>}
    </>
  )
}

function Quiet({ children }: { children: ReactNode }) {
  return <span className="rounded bg-idle-soft px-1.5 font-sans text-xs text-idle">{children}</span>
}

/** maxText is how much of a value is shown at first, in characters. */
const maxText = 600

function Long({ text, className }: { text: string; className?: string | undefined }) {
  const [all, setAll] = useState(false)
  const cut = !all && text.length > maxText
  return (
    <span className={cx('wrap-anywhere whitespace-pre-wrap', className)}>
      {cut ? text.slice(0, maxText) : text}
      {cut && <button type="button" onClick={() => setAll(true)} className="ml-1 font-sans text-accent hover:underline">… {count(text.length - maxText, 'more character')}</button>}
    </span>
  )
}

/** context is how many lines are shown around those that are different. */
const context = 3

function Text({ lines, depth }: { lines: readonly TextLine[]; depth: number }) {
  const [all, setAll] = useState(false)
  const near = (i: number) => lines.slice(Math.max(0, i - context), i + context + 1).some((l) => l.op !== 'same')
  const shown = lines.map((l, i) => ({ ...l, i })).filter((l) => all || near(l.i))
  return (
    <div className="border-l-2 border-line" style={{ marginLeft: 16 + depth * 20 }}>
      {shown.map((l, at) => (
        <div key={l.i} className={cx('flex min-w-fit gap-2 px-2', l.op === 'add' && 'bg-ok-soft', l.op === 'remove' && 'bg-bad-soft', at > 0 && shown[at - 1]?.i !== l.i - 1 && 'border-t border-dashed border-line')}>
          <span className={cx('w-3 select-none', colours[l.op])} aria-hidden="true">{signs[l.op]}</span>
          <span className={cx('whitespace-pre', l.op === 'same' && 'text-muted')}>{l.text || ' '}</span>
        </div>
      ))}
      {shown.length < lines.length && (
        <button type="button" onClick={() => setAll(true)} className="px-2 font-sans text-sm text-muted hover:text-text hover:underline">Show all {lines.length} lines</button>
      )}
    </div>
  )
}
