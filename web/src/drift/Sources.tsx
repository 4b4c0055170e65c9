// What repositories and connections have in common: rows that are tested, changed and deleted.
import type { UseQueryResult } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { asItIs } from '~/kernel/draft'
import { useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button, IconButton } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import type { IconName } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'
import { Test } from './Test'
import { Outcome } from './words'

/** Row is what a list says of one source. */
type Row = { name: string; status: string; problem: string; about: ReactNode }

type SourcesProps<T> = {
  org: string
  kind: 'drift-repositories' | 'drift-connections'
  label: string
  intro: string
  noun: string
  icon: IconName
  empty: string
  forgets: string
  list: UseQueryResult<T[]>
  remove: (id: string) => Promise<unknown>
  row: (item: T) => Row
  form: (item: T | undefined, onClose: () => void) => ReactNode
}

export function Sources<T extends { id: string }>({ org, kind, label, intro, noun, icon, empty, forgets, list, remove, row, form }: SourcesProps<T>) {
  const may = useOrganization(org).attributes.permissions
  const [editing, setEditing] = useState<T | 'new'>()
  const [removing, setRemoving] = useState<T>()
  const removal = useChange([kind, 'drift-schedules'], remove, () => {
    setRemoving(undefined)
    toast(`The ${noun} is gone.`)
  })
  const actions = (item: T, name: string) => (
    <span className="flex shrink-0 flex-wrap items-center gap-1">
      {may['can-operate-drift'] && <Test kind={kind} id={item.id} name={name} />}
      {may['can-manage-drift'] && <IconButton small icon="pencil" label={`Change ${name}`} onClick={() => setEditing(item)} />}
      {may['can-manage-drift'] && <IconButton small icon="trash" label={`Delete ${name}`} onClick={() => setRemoving(item)} />}
    </span>
  )
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
        <p className="text-muted">{intro}</p>
        {may['can-manage-drift'] && <Button look="primary" icon="plus" onClick={() => setEditing('new')}>Add a {noun}</Button>}
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel>
        {list.isPending && <SkeletonRows rows={4} />}
        {list.data?.length === 0 && <Empty icon={icon} title={`No ${label.toLowerCase()} yet`}><p>{empty}</p></Empty>}
        {list.data && list.data.length > 0 && (
          <ul aria-label={label}>
            {list.data.map((item) => {
              const { name, status, problem, about } = row(item)
              return (
                <li key={item.id} className="flex gap-x-4 gap-y-2 border-b border-line px-4 py-2.5 last:border-0 max-sm:flex-col">
                  <div className="min-w-0 flex-1">
                    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                      <span className="font-medium wrap-anywhere">{name}</span>
                      <Outcome status={status} />
                    </div>
                    <div className="mt-0.5 text-sm text-muted wrap-anywhere">{about}</div>
                    {problem !== '' && <p className="mt-1 text-sm text-bad wrap-anywhere">{problem}</p>}
                  </div>
                  {actions(item, name)}
                </li>
              )
            })}
          </ul>
        )}
      </Panel>
      {editing && form(editing === 'new' ? undefined : asItIs(list.data, editing), () => setEditing(undefined))}
      {removing && (
        <Confirm title={`Delete ${row(removing).name}`} action="Delete" busy={removal.isPending} error={removal.error} onConfirm={() => removal.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>{forgets} A schedule that uses it keeps it from being deleted.</p>
        </Confirm>
      )}
    </>
  )
}
