// Variables of a workspace or a set: a table, and a form. A sensitive value can be
// written and never read.
import { useState } from 'react'
import { asItIs, useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button, IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty } from '~/ui/Failure'
import { Choice, Field, Input, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Icon } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Table } from '~/ui/Table'
import { toast } from '~/ui/Toast'

type Variable = Resource<'vars'>

type Props = {
  title: string
  list: Variable[] | undefined
  mayChange: boolean
  create: (document: unknown) => Promise<unknown>
  update: (id: string, document: unknown) => Promise<unknown>
  remove: (id: string) => Promise<void>
  empty: string
  /** There are only environment variables. */
  envOnly?: boolean
}

export function VariablesPanel({ title, list, mayChange, create, update, remove, empty, envOnly }: Props) {
  const [editing, setEditing] = useState<Variable | 'new'>()
  const [removing, setRemoving] = useState<Variable>()
  const removal = useChange(['vars', 'varsets'], (v: Variable) => remove(v.id), (_, v) => {
    setRemoving(undefined)
    toast(`${v.attributes.key} is gone.`)
  })
  const add = mayChange && <Button small icon="plus" onClick={() => setEditing('new')}>Add variable</Button>
  return (
    <Panel title={title} actions={add}>
      {!list && <SkeletonRows rows={4} />}
      {list?.length === 0 && <Empty icon="variable" title="No variables"><p>{empty}</p></Empty>}
      {list && list.length > 0 && (
        <Table
          label={title}
          items={list.toSorted((a, b) => a.attributes.category.localeCompare(b.attributes.category) * -1 || a.attributes.key.localeCompare(b.attributes.key))}
          keyOf={(v) => v.id}
          columns={[
            { name: 'Key', className: 'sm:w-1/3', cell: (v) => <Key variable={v} /> },
            { name: 'Value', className: 'max-sm:hidden', cell: (v) => <Value variable={v} /> },
            { name: 'Kind', className: 'w-44 max-sm:hidden', cell: (v) => <Kinds variable={v} /> },
            ...(mayChange
              ? [{
                  name: <span className="sr-only">Actions</span>, className: 'w-24 text-right whitespace-nowrap max-sm:align-top',
                  cell: (v: Variable) => (
                    <span className="inline-flex max-sm:gap-2 max-sm:pt-1">
                      <IconButton small icon="pencil" label={`Change ${v.attributes.key}`} onClick={() => setEditing(v)} />
                      <IconButton small icon="trash" label={`Delete ${v.attributes.key}`} onClick={() => setRemoving(v)} />
                    </span>
                  ),
                }]
              : []),
          ]}
        />
      )}
      {editing && <Edit envOnly={envOnly ?? false} variable={editing === 'new' ? undefined : asItIs(list, editing)} create={create} update={update} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Confirm title={`Delete ${removing.attributes.key}?`} action="Delete" busy={removal.isPending} error={removal.error} onConfirm={() => removal.mutate(removing)} onClose={() => setRemoving(undefined)}>
          <p>The next run no longer gets it.{removing.attributes.sensitive && ' Its value is sensitive, so it cannot be read back from here.'}</p>
        </Confirm>
      )}
    </Panel>
  )
}

function Key({ variable: v }: { variable: Variable }) {
  return (
    <div className="min-w-0">
      <code className="font-mono text-sm wrap-anywhere">{v.attributes.key}</code>
      <div className="mt-0.5 space-y-1 sm:hidden"><Value variable={v} /><Kinds variable={v} /></div>
      {v.attributes.description && <p className="text-sm text-muted max-sm:mt-1">{v.attributes.description}</p>}
    </div>
  )
}

function Value({ variable: v }: { variable: Variable }) {
  if (v.attributes.sensitive) return <span className="inline-flex items-center gap-1.5 text-muted"><Icon name="lock" size={14} />Sensitive: write only</span>
  if (v.attributes.value === null || v.attributes.value === '') return <span className="text-faint">empty</span>
  return <code className="line-clamp-2 font-mono text-sm break-all">{v.attributes.value}</code>
}

function Kinds({ variable: v }: { variable: Variable }) {
  return (
    <span className="flex gap-1">
      <Badge>{v.attributes.category === 'env' ? 'Environment' : 'Input'}</Badge>
      {v.attributes.hcl && <Badge tone="info">HCL</Badge>}
    </span>
  )
}

function Edit({ variable: v, create, update, envOnly, onClose }: { variable: Variable | undefined; onClose: () => void } & Pick<Props, 'create' | 'update' | 'envOnly'>) {
  const draft = useDraft({
    key: v?.attributes.key ?? '', value: v?.attributes.value ?? '', description: v?.attributes.description ?? '',
    category: v?.attributes.category ?? (envOnly ? 'env' : 'terraform'), hcl: v?.attributes.hcl ?? false, sensitive: v?.attributes.sensitive ?? false,
  })
  const f = draft.values
  const wasSensitive = v?.attributes.sensitive ?? false
  const change = useChange(
    ['vars', 'varsets'],
    () => {
      const { value, ...rest } = f
      const attributes = wasSensitive && value === '' ? rest : f // an empty field leaves what nobody can see
      return v ? update(v.id, body('vars', attributes, undefined, v.id)) : create(body('vars', attributes))
    },
    () => {
      onClose()
      toast(v ? `${f.key} is changed.` : `${f.key} is added.`)
    },
  )
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title={v ? 'Change variable' : 'Add variable'} action={v ? 'Save' : 'Add'} change={change} draft={draft} names={{ category: 'kind', hcl: 'HCL', sensitive: 'whether it is sensitive' }} onClose={onClose}>
      {!envOnly && <fieldset className="flex gap-6">
        <legend className="sr-only">Kind</legend>
        <Choice type="radio" name="category" label="Input variable" checked={f.category === 'terraform'} onChange={() => draft.set({ category: 'terraform' })} />
        <Choice type="radio" name="category" label="Environment" checked={f.category === 'env'} onChange={() => draft.set({ category: 'env', hcl: false })} />
      </fieldset>}
      <Field label="Key" error={wrong.key}>
        <Input className="font-mono" value={f.key} required autoFocus={!v} onChange={(e) => draft.set({ key: e.target.value })} />
      </Field>
      <Field label="Value" error={wrong.value} help={wasSensitive ? 'Leave it empty to keep the present value, which nobody can read.' : undefined}>
        <Textarea className="font-mono text-sm" rows={3} value={f.value} onChange={(e) => draft.set({ value: e.target.value })} />
      </Field>
      <Field label="Description" optional error={wrong.description}>
        <Input value={f.description} onChange={(e) => draft.set({ description: e.target.value })} />
      </Field>
      <div className="space-y-3">
        {f.category === 'terraform' && <Choice label="HCL" help="The value is an expression: a list, a map, a number." checked={f.hcl} onChange={(e) => draft.set({ hcl: e.target.checked })} />}
        <Choice label="Sensitive" help={wasSensitive ? 'It stays sensitive; delete the variable to begin anew.' : 'Runs get it; nobody can read it any more.'} checked={f.sensitive} disabled={wasSensitive} onChange={(e) => draft.set({ sensitive: e.target.checked })} />
      </div>
    </FormDialog>
  )
}
