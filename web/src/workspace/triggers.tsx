// Run triggers: what starts runs here, and what runs here start elsewhere.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, refOf, type Resource } from '~/kernel/jsonapi'
import { useChange, wholeQuery } from '~/kernel/queries'
import { Button, IconButton } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Choice } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import type { Pick } from '~/ui/Picker'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast, toastError } from '~/ui/Toast'
import { useWorkspace } from './current'
import { WorkspacePicker } from './picking'

type Trigger = Resource<'run-triggers'>

const triggersOf = (id: string, direction: 'inbound' | 'outbound') => wholeQuery('run-triggers', '/workspaces/{id}/run-triggers', { id }, { 'filter[run-trigger][type]': direction })

export function RunTriggers() {
  const { workspace: w } = useWorkspace()
  const may = w.attributes.permissions['can-update']
  const [adding, setAdding] = useState(false)
  const into = useQuery(triggersOf(w.id, 'inbound'))
  const out = useQuery(triggersOf(w.id, 'outbound'))
  const remove = useChange(['run-triggers'], (id: string) => api.remove('/run-triggers/{id}', { id }), () => toast('The run trigger is removed.'))
  const auto = useChange(['workspaces'], (on: boolean) => api.update('/workspaces/{id}', { id: w.id }, body('workspaces', { 'auto-apply-run-trigger': on }, undefined, w.id)), () => toast('The settings are saved.'))
  const error = into.error ?? out.error
  return (
    <Panel title="Run triggers" actions={may && <Button small icon="plus" onClick={() => setAdding(true)}>Add a source</Button>}>
      {error && <div className="p-4"><Failure error={error} /></div>}
      {!error && !(into.data && out.data) && <SkeletonRows rows={2} />}
      {into.data && out.data && (
        <>
          <List title="A run starts here when one was applied in" none="Nothing: runs start by themselves only when somebody asks for them." items={into.data.items} nameOf={(t) => t.attributes['sourceable-name']} {...(may && { remove: (t: Trigger) => remove.mutate(t.id, { onError: toastError }) })} />
          {into.data.items.length > 0 && (
            <div className="border-t border-line px-4 py-3">
              <Choice label="Apply runs that a trigger started" help="Without anybody's confirmation." disabled={!may || auto.isPending} checked={w.attributes['auto-apply-run-trigger']} onChange={(e) => auto.mutate(e.target.checked, { onError: toastError })} />
            </div>
          )}
          {out.data.items.length > 0 && <List title="When a run was applied here, one starts in" none="" items={out.data.items} nameOf={(t) => t.attributes['workspace-name']} />}
        </>
      )}
      {adding && <Add present={into.data?.items.map((t) => refOf(t, 'sourceable')?.id ?? '') ?? []} onClose={() => setAdding(false)} />}
    </Panel>
  )
}

function List({ title, none, items, nameOf, remove }: { title: string; none: string; items: Trigger[]; nameOf: (t: Trigger) => string; remove?: (t: Trigger) => void }) {
  const { org } = useWorkspace()
  return (
    <section className="border-t border-line first:border-0">
      <h3 className="px-4 pt-3 pb-1 text-sm text-muted">{title}</h3>
      {items.length === 0 && <p className="px-4 pb-3">{none}</p>}
      <ul className="pb-1.5">
        {items.map((t) => (
          <li key={t.id} className="flex h-9 items-center gap-2 px-4">
            <Link to="/$org/workspaces/$workspace" params={{ org, workspace: nameOf(t) }} className="min-w-0 flex-1 truncate font-medium hover:text-accent">{nameOf(t)}</Link>
            {remove && <IconButton small icon="trash" label={`Remove the source ${nameOf(t)}`} onClick={() => remove(t)} />}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Add({ present, onClose }: { present: string[]; onClose: () => void }) {
  const { org, workspace: w } = useWorkspace()
  const [chosen, setChosen] = useState<Pick[]>([])
  const change = useChange(['run-triggers'], () => api.create('/workspaces/{id}/run-triggers', { id: w.id }, body('run-triggers', {}, { sourceable: { type: 'workspaces', id: chosen[0]?.id ?? '' } })), () => {
    onClose()
    toast(`Runs start here after ${chosen[0]?.name}.`)
  })
  return (
    <FormDialog title="Add a source" action="Add" change={change} disabled={chosen.length === 0} onClose={onClose}>
      <p className="text-muted">When a run of the source was applied, one starts in {w.attributes.name}.</p>
      <WorkspacePicker org={org} single chosen={chosen} without={[w.id, ...present]} onChange={setChosen} />
    </FormDialog>
  )
}
