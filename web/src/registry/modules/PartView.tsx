import { useState, type ReactNode } from 'react'
import { Badge } from '~/ui/Badge'
import { Panel } from '~/ui/Page'
import { cx } from '~/ui/classes'
import { Markdown } from '~/ui/markdown/Markdown'
import type { Part } from './queries'

type View = 'readme' | 'inputs' | 'outputs' | 'resources' | 'dependencies'

/** PartView is what a folder of a module has: its README, and what goes in and out. */
export function PartView({ part: p }: { part: Part }) {
  const [view, setView] = useState<View>('readme')
  const counts: Record<View, number | undefined> = {
    readme: undefined, inputs: p.inputs?.length ?? 0, outputs: p.outputs?.length ?? 0, resources: p.resources?.length ?? 0,
    dependencies: (p.dependencies?.length ?? 0) + (p.provider_dependencies?.length ?? 0),
  }
  const names: Record<View, string> = { readme: 'README', inputs: 'Inputs', outputs: 'Outputs', resources: 'Resources', dependencies: 'Dependencies' }
  return (
    <Panel>
      <div role="group" aria-label="Show" className="flex gap-5 overflow-x-auto border-b border-line px-4">
        {(Object.keys(names) as View[]).map((v) => (
          <button key={v} type="button" aria-pressed={view === v} onClick={() => setView(v)} className={cx('-mb-px flex h-10 items-center gap-1.5 border-b-2 whitespace-nowrap', view === v ? 'border-accent font-medium' : 'border-transparent text-muted hover:text-text')}>
            {names[v]}
            {counts[v] !== undefined && <span className="rounded-full bg-idle-soft px-1.5 text-xs text-idle tabular">{counts[v]}</span>}
          </button>
        ))}
      </div>
      {view === 'readme' && <div className="p-5">{p.readme ? <Markdown text={p.readme} /> : <p className="text-muted">It has no README.</p>}</div>}
      {view === 'inputs' && <Inputs list={p.inputs ?? []} />}
      {view === 'outputs' && <Rows empty="It has no outputs." rows={(p.outputs ?? []).map((o) => ({ name: o.name, about: o.description }))} />}
      {view === 'resources' && <Rows empty="It manages no resources." rows={(p.resources ?? []).map((r) => ({ name: `${r.type}.${r.name}` }))} />}
      {view === 'dependencies' && (
        <Rows
          empty="It needs no modules and no providers."
          rows={[
            ...(p.provider_dependencies ?? []).map((d) => ({ name: d.source || d.name, about: 'provider', side: d.version })),
            ...(p.dependencies ?? []).map((d) => ({ name: d.name, about: d.source, side: d.version })),
          ]}
        />
      )}
    </Panel>
  )
}

function Inputs({ list }: { list: NonNullable<Part['inputs']> }) {
  const sorted = list.toSorted((a, b) => Number(b.required) - Number(a.required))
  return (
    <Rows
      empty="It takes no inputs."
      rows={sorted.map((i) => ({
        name: i.name,
        about: i.description,
        badge: i.required ? <Badge tone="accent">required</Badge> : undefined,
        below: <><span className="text-muted">{i.type || 'any'}</span>{!i.required && <span className="text-faint"> = {i.default || 'null'}</span>}</>,
      }))}
    />
  )
}

type RowContent = { name: string; about?: string; side?: string; badge?: ReactNode; below?: ReactNode }

function Rows({ rows, empty }: { rows: RowContent[]; empty: string }) {
  if (rows.length === 0) return <p className="p-5 text-muted">{empty}</p>
  return (
    <ul>
      {rows.map((r) => (
        <li key={r.name} className="border-b border-line px-5 py-2.5 last:border-0">
          <div className="flex flex-wrap items-center gap-2">
            <span className="font-mono text-sm font-medium wrap-anywhere">{r.name}</span>
            {r.badge}
            {r.side && <span className="ml-auto font-mono text-sm text-muted">{r.side}</span>}
          </div>
          {r.about && <p className="mt-0.5 wrap-anywhere text-muted">{r.about}</p>}
          {r.below && <pre className="mt-0.5 overflow-x-auto font-mono text-sm whitespace-pre-wrap">{r.below}</pre>}
        </li>
      ))}
    </ul>
  )
}
