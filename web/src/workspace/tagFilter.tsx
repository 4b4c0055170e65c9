// Narrowing by tags: those that a workspace must have, with a value or any, and those that
// it must not have.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { number } from '~/kernel/formats'
import { allQuery } from '~/kernel/queries'
import { words } from '~/kernel/search'
import { Button, IconButton } from '~/ui/Button'
import { Actions, Dialog } from '~/ui/Dialog'
import { Failure } from '~/ui/Failure'
import { Input, SearchInput, Select } from '~/ui/Field'
import { SkeletonRows } from '~/ui/Skeleton'
import { parseTags, writeTags } from './tags'

type Wanted = { key: string; value: string; not: boolean }

type Props = { org: string; having: string | undefined; without: string | undefined; onChange: (change: { tag: string | undefined; without: string | undefined }) => void; onClose: () => void }

/** most is how many tags are offered at a time. */
const most = 50

export function TagFilter({ org, having, without, onChange, onClose }: Props) {
  const [wanted, setWanted] = useState<Wanted[]>(() => [...parseTags(having).map((t) => ({ ...t, not: false })), ...words(without).map((key) => ({ key, value: '', not: true }))])
  const [text, setText] = useState('')
  const tags = useQuery(allQuery('tags', '/organizations/{organization}/tags', { organization: org }))
  const found = tags.data?.filter((t) => !wanted.some((w) => w.key === t.attributes.name) && t.attributes.name.toLowerCase().includes(text.trim().toLowerCase()))
  const set = (key: string, change: Partial<Wanted>) => setWanted(wanted.map((w) => (w.key === key ? { ...w, ...change } : w)))
  return (
    <Dialog title="Filter by tags" onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          onChange({ tag: writeTags(wanted.filter((w) => !w.not).map((w) => ({ key: w.key, value: w.value.trim().replaceAll(',', '') }))), without: wanted.filter((w) => w.not).map((w) => w.key).join(',') || undefined })
          onClose()
        }}
      >
        {wanted.length > 0 && (
          <ul aria-label="Chosen tags" className="mb-3 space-y-2">
            {wanted.map((w) => (
              <li key={w.key} className="flex flex-wrap items-center gap-2">
                <Select aria-label={`How ${w.key} counts`} className="w-28!" value={w.not ? 'not' : 'has'} onChange={(e) => set(w.key, { not: e.target.value === 'not' })}>
                  <option value="has">With</option>
                  <option value="not">Without</option>
                </Select>
                <span className="min-w-24 flex-1 truncate font-medium" title={w.key}>{w.key}</span>
                {!w.not && <Input aria-label={`Value of ${w.key}`} placeholder="any value" className="max-sm:order-last sm:w-36!" value={w.value} onChange={(e) => set(w.key, { value: e.target.value })} />}
                <IconButton small icon="cross" label={`Forget ${w.key}`} onClick={() => setWanted(wanted.filter((x) => x.key !== w.key))} />
              </li>
            ))}
          </ul>
        )}
        <div className="overflow-hidden rounded-md border border-line">
          <div className="border-b border-line p-2"><SearchInput label="Search tags" value={text} onChange={(e) => setText(e.target.value)} onKeyDown={(e) => e.key === 'Enter' && e.preventDefault()} /></div>
          {tags.error && <Failure error={tags.error} className="m-2" />}
          {tags.isPending && <SkeletonRows rows={3} />}
          {found?.length === 0 && <p className="px-3 py-4 text-center text-sm text-muted">{text ? 'No other tag has this name.' : wanted.length > 0 ? 'There are no other tags.' : 'Nothing is tagged yet: the settings of a workspace or a project add tags.'}</p>}
          <ul aria-label="Tags" className="max-h-56 overflow-y-auto">
            {found?.slice(0, most).map((t) => (
              <li key={t.id}>
                <button type="button" aria-label={`Tag ${t.attributes.name}`} onClick={() => setWanted([...wanted, { key: t.attributes.name, value: '', not: false }])} className="flex w-full items-center gap-3 px-3 py-1.5 -outline-offset-2 text-left hover:bg-hover max-sm:py-2.5">
                  <span className="min-w-0 flex-1 truncate">{t.attributes.name}</span>
                  <span className="text-sm text-muted tabular">{number(t.attributes['instance-count'])}</span>
                </button>
              </li>
            ))}
          </ul>
          {found && found.length > most && <p className="border-t border-line px-3 py-2 text-sm text-muted">The first {most} of {number(found.length)}: search for the others.</p>}
        </div>
        <p className="mt-2 text-sm text-muted">Tags from the project count too. “Without” goes only by tags of the workspace itself that have no value.</p>
        <Actions>
          {wanted.length > 0 && <Button look="quiet" className="mr-auto" onClick={() => setWanted([])}>Clear</Button>}
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">Show workspaces</Button>
        </Actions>
      </form>
    </Dialog>
  )
}
