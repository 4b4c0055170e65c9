// The settings of a schedule. The server says what is wrong and when it would be due.
import { useNavigate } from '@tanstack/react-router'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, refOf, refsOf, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Choice, Field, Input, Select } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { toast } from '~/ui/Toast'
import { Chosen, Told } from './Chosen'
import { Engine } from './Engine'
import { Folders } from './Folders'
import { Snoozes } from './Snoozes'
import { NextTimes, When } from './When'
import { draftOf, linesOf, variablesOf, type Draft } from './draft'

type Props = {
  org: string
  schedule: Resource<'drift-schedules'> | undefined
  may: boolean
  repositories: Resource<'drift-repositories'>[]
  connections: Resource<'drift-connections'>[]
  alerts: Resource<'drift-alerts'>[]
}

export function ScheduleForm({ org, schedule, may, repositories, connections, alerts }: Props) {
  const navigate = useNavigate()
  const draft = useDraft({
    ...draftOf(schedule), repository: refOf(schedule, 'repository')?.id || (repositories[0]?.id ?? ''),
    connections: refsOf(schedule, 'connections').map((r) => r.id), alerts: refsOf(schedule, 'alerts').map((r) => r.id),
  })
  const { repository, connections: uses, alerts: tells, ...f } = draft.values
  const set = (change: Partial<Draft>) => draft.set(change)
  const save = useChange(
    ['drift-schedules', 'drift-alerts'],
    () => {
      const { folders, 'var-files': files, env, forgetEnv, branch, ...rest } = f
      const isElsewhere = branch !== (schedule?.attributes.branch ?? '') || repository !== refOf(schedule, 'repository')?.id // only then the server looks for it
      const variables = forgetEnv ? {} : variablesOf(env)
      const attributes = { ...rest, ...(isElsewhere && { branch }), folders: linesOf(folders), 'var-files': linesOf(files), timeout: Number(f.timeout) * 60, ...(variables && { env: variables }) }
      const document = body('drift-schedules', attributes, {
        repository: { type: 'drift-repositories', id: repository },
        connections: uses.map((id) => ({ type: 'drift-connections', id })),
        alerts: tells.map((id) => ({ type: 'drift-alerts', id })),
      }, schedule?.id)
      return schedule ? api.update('/drift-schedules/{id}', { id: schedule.id }, document) : api.create('/organizations/{organization}/drift-schedules', { organization: org }, document)
    },
    () => {
      toast('The schedule is saved.')
      if (!schedule) return navigate({ to: '/$org/drift/schedules', params: { org } })
    },
  )
  const wrong = fieldsOf(save.error)
  const code = repositories.find((r) => r.id === repository)
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_18rem]">
      <fieldset disabled={!may} className="min-w-0">
        <Form action={schedule ? 'Save' : 'Make the schedule'} change={save} draft={draft}>
          <Panel title="What is scanned" padded>
            <div className="grid gap-4 sm:grid-cols-2">
              <Field label="Name" error={wrong.name} optional><Input value={f.name} onChange={(e) => set({ name: e.target.value })} placeholder={code?.attributes['full-name']} autoFocus={!schedule} /></Field>
              <Field label="Repository" error={wrong.repository}>
                <Select
                  value={repository}
                  onChange={(e) => {
                    draft.set({ repository: e.target.value, branch: '' })
                  }}
                >
                  {repositories.map((r) => <option key={r.id} value={r.id}>{r.attributes['full-name']}</option>)}
                </Select>
              </Field>
            </div>
            {code && <Folders key={code.id} repository={code} draft={f} onChange={set} wrong={wrong} />}
          </Panel>
          <Panel title="When" padded><When draft={f} onChange={set} wrong={wrong} /></Panel>
          <Panel title="Credentials" padded>
            <Chosen label="Connections" items={connections} chosen={uses} onChange={(ids) => draft.set({ connections: ids })} error={wrong.connections} about="Scans get the variables of all that are chosen. Give them rights to read only." none="There are no connections yet: scans have no credentials." />
          </Panel>
          <Panel title="Who is told" padded>
            <Chosen label="Alerts" items={alerts} chosen={tells} onChange={(ids) => draft.set({ alerts: ids })} error={wrong.alerts} none="There are no alerts yet: drift is shown here only." />
            <Told draft={f} onChange={set} wrong={wrong} />
          </Panel>
          <Engine draft={f} onChange={set} wrong={wrong} hasEnv={schedule?.attributes['has-env'] ?? false} />
          <Choice label="Save it unchecked" help="Else it is saved only if the branch can be found now." checked={f['skip-check']} onChange={(e) => set({ 'skip-check': e.target.checked })} />
        </Form>
      </fieldset>
      <aside className="space-y-4">
        <NextTimes org={org} frequency={f.frequency} offset={f['frequency-offset']} schedule={schedule?.id} />
        {schedule && <Snoozes org={org} schedule={schedule} />}
      </aside>
    </div>
  )
}
