// Tags of a workspace or a project: a key alone, or a key with a value.
import { useQuery } from '@tanstack/react-query'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { listQuery, useChange } from '~/kernel/queries'
import { Tag } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'
import { tagText, type TagOf } from './tags'

type Owner = { kind: 'workspaces' | 'projects'; id: string }

const lists = { workspaces: '/workspaces/{id}/tag-bindings', projects: '/projects/{id}/tag-bindings' } as const
const all = { workspaces: '/workspaces/{id}/effective-tag-bindings', projects: '/projects/{id}/effective-tag-bindings' } as const

export function TagEditor({ of, may, about }: { of: Owner; may: boolean; about: string }) {
  const own = useQuery(listQuery('tag-bindings', lists[of.kind], { id: of.id }))
  const effective = useQuery({ ...listQuery('tag-bindings', all[of.kind], { id: of.id }), enabled: of.kind === 'workspaces' })
  const mine = own.data?.items.map((b) => ({ key: b.attributes.key, value: b.attributes.value }))
  const inherited = effective.data?.items.filter((b) => !mine?.some((m) => m.key === b.attributes.key)) ?? []
  return (
    <Panel title="Tags" padded>
      <p className="mb-3 text-muted">{about}</p>
      {own.error && <Failure error={own.error} />}
      {!mine && !own.error && <Skeleton className="h-16 w-full" />}
      {inherited.length > 0 && <p className="mb-3 flex flex-wrap items-center gap-1.5 text-sm text-muted">From the project: {inherited.map((b) => <Tag key={b.attributes.key}>{tagText(b.attributes)}</Tag>)}</p>}
      {mine && (may ? <Edit of={of} mine={mine} /> : <span className="flex flex-wrap gap-1.5">{mine.length === 0 ? <span className="text-faint">none</span> : mine.map((b) => <Tag key={b.key}>{tagText(b)}</Tag>)}</span>)}
    </Panel>
  )
}

function Edit({ of, mine }: { of: Owner; mine: TagOf[] }) {
  const draft = useDraft({ tags: mine })
  const rows = draft.values.tags
  const setRows = (tags: TagOf[]) => draft.set({ tags })
  const set = (at: number, change: Partial<TagOf>) => setRows(rows.map((r, i) => (i === at ? { ...r, ...change } : r)))
  const change = useChange(
    ['tag-bindings', 'workspaces', 'projects', 'tags'],
    () => api.send('PATCH', api.address(`/${of.kind}/{id}/relationships/tag-bindings`, { id: of.id }), { data: rows.filter((r) => r.key.trim() !== '').map((r) => ({ type: 'tag-bindings', attributes: { key: r.key.trim(), value: r.value.trim() } })) }),
    () => toast('The tags are saved.'),
  )
  return (
    <Form change={change} draft={draft} action="Save the tags" disabled={draft.clean}>
      <ul className="space-y-2">
        {rows.map((r, i) => (
          <li key={i} className="flex items-center gap-2">
            <Input aria-label={`Key of tag ${i + 1}`} placeholder="key" required value={r.key} onChange={(e) => set(i, { key: e.target.value })} />
            <Input aria-label={`Value of tag ${i + 1}`} placeholder="value, if any" value={r.value} onChange={(e) => set(i, { value: e.target.value })} />
            <IconButton small icon="trash" label={`Remove tag ${r.key || i + 1}`} onClick={() => setRows(rows.filter((_, at) => at !== i))} />
          </li>
        ))}
      </ul>
      <Button small icon="plus" onClick={() => setRows([...rows, { key: '', value: '' }])}>Add a tag</Button>
    </Form>
  )
}
