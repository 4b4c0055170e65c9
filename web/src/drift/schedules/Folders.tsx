import { useMutation } from '@tanstack/react-query'
import { useId } from 'react'
import { address, send } from '~/kernel/api'
import type { Resource } from '~/kernel/jsonapi'
import { messageOf } from '~/kernel/problem'
import { Button } from '~/ui/Button'
import { Field, Input, Textarea } from '~/ui/Field'
import { linesOf, type Part } from './draft'

type Found = { status: string; message?: string; branches?: string[]; folders?: string[] }

/** Folders says which branch and which folders; the repository is asked for what there is. */
export function Folders({ repository, draft, onChange, wrong }: Part & { repository: Resource<'drift-repositories'> }) {
  const a = repository.attributes
  const id = useId()
  const look = useMutation({ mutationFn: async () => (await send('POST', address('/drift-repositories/{id}/actions/test', { id: repository.id }, { branch: draft.branch }))) as Found })
  const branches = look.data?.branches ?? a.branches
  const chosen = linesOf(draft.folders)
  const choose = (folder: string) => {
    const others = chosen.filter((c) => c !== folder && (c !== '.' || look.data?.folders?.includes('.'))) // the root is what a new schedule begins with
    onChange({ folders: (chosen.includes(folder) ? others : [...others, folder]).join('\n') })
  }
  const failure = look.error ? messageOf(look.error) : look.data && look.data.status !== 'good' ? (look.data.message ?? 'The repository cannot be read.') : undefined
  return (
    <div className="mt-4 grid gap-4">
      <Field label="Branch" error={wrong.branch} optional help={a['default-branch'] ? `Leave it empty for ${a['default-branch']}.` : undefined}>
        <Input list={id} value={draft.branch} onChange={(e) => onChange({ branch: e.target.value })} placeholder={a['default-branch']} />
      </Field>
      <datalist id={id}>{branches.map((b) => <option key={b} value={b} />)}</datalist>
      <Field label="Folders" error={wrong.folders} help="One on each line. A dot is the root; stacks/* is every folder in stacks, those of tomorrow too.">
        <Textarea rows={Math.min(8, Math.max(3, chosen.length + 1))} className="font-mono text-sm" value={draft.folders} onChange={(e) => onChange({ folders: e.target.value })} required />
      </Field>
      <div className="-mt-2 flex flex-wrap items-center gap-2">
        <Button small icon="search" busy={look.isPending} onClick={() => look.mutate()}>Look into the repository</Button>
        {look.isPending && <span className="text-sm text-muted" role="status">That may take a minute the first time.</span>}
        {failure && <span className="text-sm text-bad wrap-anywhere" role="alert">{failure}</span>}
        {look.data?.folders?.length === 0 && <span className="text-sm text-muted">There is no folder with a configuration.</span>}
      </div>
      {look.data?.folders && look.data.folders.length > 0 && (
        <div>
          <p className="mb-1.5 text-sm text-muted">Folders with a configuration; a click adds or takes away.</p>
          <ul className="flex max-h-48 flex-wrap gap-1.5 overflow-auto" aria-label="Folders with a configuration">
            {look.data.folders.map((folder) => {
              const on = chosen.includes(folder)
              return (
                <li key={folder}>
                  <button
                    type="button"
                    aria-pressed={on}
                    onClick={() => choose(folder)}
                    className="touch rounded border border-line bg-surface px-2 py-0.5 font-mono text-sm hover:border-line-strong aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent"
                  >
                    {folder}
                  </button>
                </li>
              )
            })}
          </ul>
        </div>
      )}
    </div>
  )
}
