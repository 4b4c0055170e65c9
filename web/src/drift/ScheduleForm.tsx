import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, refOf, refsOf, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Actions, Dialog } from '~/ui/Dialog'
import { Failure } from '~/ui/Failure'
import { Choice, Field, Input, Select, Textarea } from '~/ui/Field'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'

const frequencies = ['off', 'every-15m', 'hourly', 'every-6h', 'daily', 'weekly', 'monthly']

/** ScheduleForm makes a schedule or changes one. */
export function ScheduleForm({ org, schedule, onClose }: { org: string; schedule: Resource<'drift-schedules'> | undefined; onClose: () => void }) {
  const repositories = useQuery(allQuery('drift-repositories', '/organizations/{organization}/drift-repositories', { organization: org }))
  const connections = useQuery(allQuery('drift-connections', '/organizations/{organization}/drift-connections', { organization: org }))
  const error = repositories.error ?? connections.error
  return (
    <Dialog title={schedule ? 'Change the schedule' : 'New schedule'} onClose={onClose} wide>
      {error && <Failure error={error} />}
      {!error && (!repositories.data || !connections.data) && <SkeletonRows rows={5} />}
      {repositories.data?.length === 0 && <p className="text-muted">There is no repository to scan yet. Add one first.</p>}
      {connections.data && repositories.data && repositories.data.length > 0 && <Form org={org} schedule={schedule} repositories={repositories.data} connections={connections.data} onClose={onClose} />}
    </Dialog>
  )
}

type FormProps = { org: string; schedule: Resource<'drift-schedules'> | undefined; repositories: Resource<'drift-repositories'>[]; connections: Resource<'drift-connections'>[]; onClose: () => void }

function Form({ org, schedule, repositories, connections, onClose }: FormProps) {
  const was = schedule?.attributes
  const [repository, setRepository] = useState(refOf(schedule, 'repository')?.id ?? repositories[0]?.id ?? '')
  const [chosen, setChosen] = useState(refsOf(schedule, 'connections').map((r) => r.id))
  const [name, setName] = useState(was?.name ?? '')
  const [branch, setBranch] = useState(was?.branch ?? '')
  const [folders, setFolders] = useState(was?.folders.join('\n') ?? '.')
  const [frequency, setFrequency] = useState(was?.frequency ?? 'daily')
  const [offset, setOffset] = useState(was?.['frequency-offset'] ?? '')
  const [tool, setTool] = useState(was?.tool ?? 'auto')
  const [version, setVersion] = useState(was?.['tool-version'] ?? '')
  const [workspace, setWorkspace] = useState(was?.workspace ?? '')
  const save = useChange(['drift-schedules'], () => {
    const document = body('drift-schedules',
      { name, branch, folders: folders.split('\n').map((f) => f.trim()).filter(Boolean), frequency, 'frequency-offset': offset, tool, 'tool-version': version, workspace },
      { repository: { type: 'drift-repositories', id: repository }, connections: chosen.map((id) => ({ type: 'drift-connections', id })) })
    return schedule ? api.update('/drift-schedules/{id}', { id: schedule.id }, document) : api.create('/organizations/{organization}/drift-schedules', { organization: org }, document)
  }, () => {
    onClose()
    toast('The schedule is saved.')
  })
  const wrong = fieldsOf(save.error)
  const shown = frequencies.includes(frequency) ? frequencies : [...frequencies, frequency]
  return (
    <form
      className="grid gap-4 sm:grid-cols-2"
      onSubmit={(e) => {
        e.preventDefault()
        save.mutate(undefined)
      }}
    >
      <Field label="Name" error={wrong.name} optional><Input value={name} onChange={(e) => setName(e.target.value)} autoFocus /></Field>
      <Field label="Repository" error={wrong.repository}>
        <Select value={repository} onChange={(e) => setRepository(e.target.value)}>{repositories.map((r) => <option key={r.id} value={r.id}>{r.attributes['full-name']}</option>)}</Select>
      </Field>
      <Field label="Branch" error={wrong.branch} optional help="Empty is the repository's default."><Input value={branch} onChange={(e) => setBranch(e.target.value)} /></Field>
      <Field label="Workspace of the engine" error={wrong.workspace} optional><Input value={workspace} onChange={(e) => setWorkspace(e.target.value)} placeholder="default" /></Field>
      <Field label="Folders" error={wrong.folders} help="One on each line; . is the root, stacks/* every folder in stacks." className="sm:col-span-2"><Textarea rows={3} className="font-mono text-sm" value={folders} onChange={(e) => setFolders(e.target.value)} required /></Field>
      <Field label="How often" error={wrong.frequency}>
        <Select
          value={frequency}
          onChange={(e) => {
            setFrequency(e.target.value)
            setOffset('')
          }}
        >
          {shown.map((f) => <option key={f} value={f}>{f.replaceAll('-', ' ')}</option>)}
        </Select>
      </Field>
      <Field label="At" error={wrong['frequency-offset']} optional help="A minute of the hour, a time such as 04:30, or mon 09:22 of a week."><Input value={offset} onChange={(e) => setOffset(e.target.value)} /></Field>
      <Field label="Engine" error={wrong.tool}>
        <Select value={tool} onChange={(e) => setTool(e.target.value)}>
          <option value="auto">as the code says</option>
          <option value="tofu">OpenTofu</option>
          <option value="terraform">Terraform</option>
        </Select>
      </Field>
      <Field label="Version" error={wrong['tool-version']} optional><Input value={version} onChange={(e) => setVersion(e.target.value)} placeholder="as the code says" /></Field>
      <fieldset className="sm:col-span-2">
        <legend className="mb-1 font-medium">Connections</legend>
        {connections.length === 0 && <p className="text-muted">There are none yet.</p>}
        <div className="flex flex-wrap gap-x-6 gap-y-2">
          {connections.map((c) => <Choice key={c.id} label={c.attributes.name} checked={chosen.includes(c.id)} onChange={(e) => setChosen((all) => (e.target.checked ? [...all, c.id] : all.filter((id) => id !== c.id)))} />)}
        </div>
        {wrong.connections && <p className="mt-1 text-sm text-bad">{wrong.connections}</p>}
      </fieldset>
      {save.error && Object.keys(wrong).length === 0 && <Failure error={save.error} className="sm:col-span-2" />}
      <Actions className="sm:col-span-2">
        <Button onClick={onClose}>Back</Button>
        <Button type="submit" look="primary" busy={save.isPending}>Save</Button>
      </Actions>
    </form>
  )
}
