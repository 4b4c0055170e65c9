// A plan as a list of changes that open to what is different.
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { address, send } from '~/kernel/api'
import { count, number } from '~/kernel/formats'
import { Button } from '~/ui/Button'
import { Diff } from '~/ui/Diff'
import { Failure } from '~/ui/Failure'
import { SearchInput } from '~/ui/Field'
import { Icon } from '~/ui/Icon'
import { SkeletonRows } from '~/ui/Skeleton'
import { cx } from '~/ui/classes'
import type { Document } from './document'
import { actions, order } from './actions'
import { find, read, type Action, type Change, type OutputChange, type Plan } from './plan'
import { ChangeRow, Sign } from './ChangeRow'

/** usePlan reads the plan of a run. Plans never change once they are finished. */
function usePlan(id: string) {
  return useQuery({
    queryKey: ['plan-documents', id],
    queryFn: async ({ signal }) => {
      const doc = (await send('GET', address('/plans/{id}/json-output-redacted', { id }), undefined, signal)) as Document | undefined
      return doc === undefined ? null : read(doc)
    },
    staleTime: Infinity,
    gcTime: 60_000,
  })
}

export function PlanView({ id }: { id: string }) {
  const plan = usePlan(id)
  if (plan.isPending) return <SkeletonRows rows={4} />
  if (plan.error) return <Failure error={plan.error} retry={() => void plan.refetch()} className="m-4" />
  if (plan.data === null) return <p className="p-4 text-muted">The plan is not there yet.</p>
  return <Changes plan={plan.data} />
}

function Changes({ plan }: { plan: Plan }) {
  const [chosen, setChosen] = useState<ReadonlySet<Action>>(new Set())
  const [words, setWords] = useState('')
  const [all, setAll] = useState<boolean>()
  const found = useMemo(() => find(plan.changes, chosen, words), [plan, chosen, words])
  const toggle = (a: Action) => setChosen((was) => (was.has(a) ? new Set([...was].filter((x) => x !== a)) : new Set([...was, a])))
  if (plan.changes.length + plan.drift.length + plan.outputs.length === 0) {
    return <p className="flex items-center gap-2 p-4"><Icon name="check" className="text-ok" />Nothing changes: what is there is what the configuration says.</p>
  }
  return (
    <div>
      {plan.drift.length > 0 && <Drift changes={plan.drift} />}
      {plan.changes.length > 0 && (
        <>
          <div className="flex flex-wrap items-center gap-2 border-b border-line px-4 py-2.5">
            <div className="flex flex-wrap gap-1.5 max-sm:gap-2" role="group" aria-label="Show only">
              {order.filter((a) => plan.counts[a] > 0).map((a) => <Filter key={a} action={a} count={plan.counts[a]} on={chosen.has(a)} onToggle={() => toggle(a)} />)}
            </div>
            <span className="ml-auto flex grow items-center justify-end gap-2">
              {plan.changes.length > 5 && <SearchInput label="Search addresses" className="min-w-44 flex-1" value={words} onChange={(e) => setWords(e.target.value)} />}
              {plan.changes.length > 1 && <Button small look="quiet" aria-pressed={all === true} onClick={() => setAll(!(all ?? plan.changes.length <= 3))}>{(all ?? plan.changes.length <= 3) ? 'Close all' : 'Open all'}</Button>}
            </span>
          </div>
          <List changes={found} open={all ?? plan.changes.length <= 3} />
          {found.length === 0 && <p className="p-4 text-muted">No change is like that.</p>}
        </>
      )}
      {plan.outputs.length > 0 && <Outputs outputs={plan.outputs} />}
    </div>
  )
}

const tones = { ok: 'text-ok', warn: 'text-warn', bad: 'text-bad', info: 'text-info', replace: 'text-replace', idle: 'text-idle', accent: 'text-accent' }

function Filter({ action, count, on, onToggle }: { action: Action; count: number; on: boolean; onToggle: () => void }) {
  const { word, tone } = actions[action]
  return (
    <button
      type="button"
      aria-pressed={on}
      onClick={onToggle}
      className={cx('inline-flex h-7 items-center gap-1.5 rounded-full border px-2.5 text-sm max-sm:h-10', on ? 'border-accent bg-accent-soft' : 'border-line bg-surface hover:border-line-strong')}
    >
      <Sign action={action} />
      <span className={cx('font-semibold tabular', tones[tone])}>{number(count)}</span>
      <span className="text-muted">{word}</span>
    </button>
  )
}

/** step is how many changes are shown at a time. */
const step = 200

function List({ changes, open }: { changes: readonly Change[]; open: boolean }) {
  const [shown, setShown] = useState(step)
  return (
    <>
      <ul aria-label="Changes">
        {changes.slice(0, shown).map((c) => <ChangeRow key={`${c.address} ${c.deposed ?? ''}`} change={c} open={open} />)}
      </ul>
      {changes.length > shown && (
        <div className="flex items-center gap-3 border-b border-line px-4 py-2.5 text-muted">
          <Button small onClick={() => setShown(shown + step)}>Show {Math.min(step, changes.length - shown)} more</Button>
          {number(shown)} of {count(changes.length, 'change')}
        </div>
      )}
    </>
  )
}

/** Drift is what has changed outside of the configuration since the last apply. */
function Drift({ changes }: { changes: readonly Change[] }) {
  return (
    <details className="group border-b border-line bg-warn-soft/50">
      <summary className="flex cursor-pointer list-none items-center gap-2 px-4 py-2.5 text-warn">
        <Icon name="right" size={14} className="transition-transform group-open:rotate-90" />
        <Icon name="drift" />
        <span className="font-medium">{count(changes.length, 'resource')} changed outside of the configuration</span>
        <span className="text-sm text-muted max-sm:hidden">since the last apply</span>
      </summary>
      <div className="border-t border-line bg-surface"><List changes={changes} open={false} /></div>
    </details>
  )
}

function Outputs({ outputs }: { outputs: readonly OutputChange[] }) {
  return (
    <section aria-label="Outputs">
      <h3 className="border-b border-line bg-sunken/60 px-4 py-2 text-sm font-semibold">{count(outputs.length, 'output changes', 'outputs change')}</h3>
      <Diff nodes={outputs.map((o) => o.node)} />
    </section>
  )
}
