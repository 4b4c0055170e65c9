// Who looks after findings: members of the organization, found by typing.
import { useId, useState, type KeyboardEvent } from 'react'
import { useMe } from '~/kernel/session'
import { useMembers, type Person } from '~/organization/people'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { FormDialog } from '~/ui/Form'
import { Icon } from '~/ui/Icon'
import { SkeletonRows } from '~/ui/Skeleton'
import { cx } from '~/ui/classes'

type Change = { mutate: (user: string | null) => void; isPending: boolean; error: unknown }

/** Assign gives something to a member, or to nobody. */
export function Assign({ org, title, current, change, onClose }: { org: string; title: string; current: string | undefined; change: Change; onClose: () => void }) {
  const people = useMembers(org)
  const [chosen, setChosen] = useState(current)
  return (
    <FormDialog
      title={title}
      action="Assign"
      change={{ ...change, mutate: () => change.mutate(chosen ?? null) }}
      disabled={!chosen || chosen === current}
      className=""
      beside={current && <Button className="mr-auto" disabled={change.isPending} onClick={() => change.mutate(null)}>Nobody</Button>}
      onClose={onClose}
    >
      {people.error && <Failure error={people.error} retry={() => void people.refetch()} />}
      {people.isPending && <SkeletonRows rows={4} />}
      {people.data && <People people={people.data} chosen={chosen} onChoose={setChosen} />}
    </FormDialog>
  )
}

/** People is a combobox (WAI-ARIA, editable with list): typing narrows, arrows choose. */
function People({ people, chosen, onChoose }: { people: Person[]; chosen: string | undefined; onChoose: (id: string | undefined) => void }) {
  const id = useId()
  const me = useMe().id
  const [q, setQ] = useState(people.find((p) => p.id === chosen)?.name ?? '')
  const chosenName = people.find((p) => p.id === chosen)?.name
  const wanted = q === chosenName ? '' : q.toLowerCase()
  const found = people.filter((p) => `${p.name} ${p.email}`.toLowerCase().includes(wanted)).toSorted((a, b) => Number(b.id === me) - Number(a.id === me))
  function choose(p: Person | undefined) {
    if (!p) return
    onChoose(p.id)
    setQ(p.name)
  }
  function onKey(e: KeyboardEvent) {
    const at = found.findIndex((p) => p.id === chosen)
    const to = { ArrowDown: Math.min(at + 1, found.length - 1), ArrowUp: Math.max(at - 1, 0), Home: 0, End: found.length - 1 }[e.key]
    if (to === undefined) return
    e.preventDefault()
    const p = found[to]
    if (p) onChoose(p.id)
    document.getElementById(`${id}-${p?.id}`)?.scrollIntoView({ block: 'nearest' })
  }
  return (
    <>
      <label htmlFor={id} className="mb-1 block font-medium">Who</label>
      <input
        id={id}
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={chosen && found.some((p) => p.id === chosen) ? `${id}-${chosen}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder="A name or a mail address"
        className="touch h-8 w-full rounded-md border border-line-strong bg-surface px-2.5"
        value={q}
        onChange={(e) => {
          setQ(e.target.value)
          onChoose(undefined)
        }}
        onKeyDown={onKey}
      />
      <div id={`${id}-list`} role="listbox" tabIndex={-1} aria-label="Members" className="mt-2 max-h-60 overflow-y-auto rounded-md border border-line">
        {found.slice(0, 100).map((p) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the keys are those of the input
          <div key={p.id} id={`${id}-${p.id}`} role="option" tabIndex={-1} aria-selected={p.id === chosen} onClick={() => choose(p)} className={cx('touch flex cursor-pointer items-center gap-2 px-3 py-1.5', p.id === chosen ? 'bg-accent-soft text-accent' : 'hover:bg-hover')}>
            <Icon name="user" />
            <span className="font-medium">{p.name}{p.id === me && ' (you)'}</span>
            <span className={cx('ml-auto truncate text-sm', p.id === chosen ? 'text-accent' : 'text-muted')}>{p.email}</span>
          </div>
        ))}
        {found.length === 0 && <p className="px-3 py-2 text-muted">Nobody is called that.</p>}
      </div>
    </>
  )
}
