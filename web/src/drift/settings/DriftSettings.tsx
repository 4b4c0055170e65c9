// What an organization decides once about drift, and the tokens of the drift API.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { readQuery, useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Id } from '~/ui/Copy'
import { Failure, Notice } from '~/ui/Failure'
import { Choice, Field, Input, Select } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Fact, Facts, Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'
import { Keys } from './Keys'

export function DriftSettings() {
  const { org } = useParams({ from: '/$org/settings/drift' })
  const can = useOrganization(org).attributes.permissions
  const settings = useQuery(readQuery('drift-settings', '/organizations/{organization}/drift-settings', { organization: org }))
  const assessments = useQuery(readQuery('assessment-settings', '/organizations/{organization}/assessment-settings', { organization: org }))
  const error = settings.error ?? assessments.error
  if (error) return <Failure error={error} />
  if (!settings.data || !assessments.data) return <Panel><SkeletonRows rows={6} /></Panel>
  const a = settings.data.item.attributes
  return (
    <div className="max-w-3xl space-y-4">
      {!can['can-manage-drift'] && <Notice icon="lock">You may see these settings, not change them.</Notice>}
      <Zone org={org} settings={settings.data.item} may={can['can-manage-drift']} />
      <Assessments org={org} settings={assessments.data.item} may={can['can-update']} />
      <Panel title="AWS roles" padded>
        <Facts>
          <Fact name="External id"><Id>{a['external-id']}</Id><p className="text-sm text-muted">The trust policy of a role must ask for it.</p></Fact>
          {!can['can-manage-drift'] && <Fact name="Drift API"><Id>{a['drift-id']}</Id><p className="text-sm text-muted">Names the organization, in X-Org-ID.</p></Fact>}
        </Facts>
      </Panel>
      {can['can-manage-drift'] && <Keys org={org} driftID={a['drift-id']} />}
    </div>
  )
}

/** own is the time zone of the browser. */
const own = new Intl.DateTimeFormat().resolvedOptions().timeZone

function Zone({ org, settings, may }: { org: string; settings: Resource<'drift-settings'>; may: boolean }) {
  const draft = useDraft({ zone: settings.attributes['time-zone'] })
  const { zone } = draft.values
  const change = useChange(['drift-settings', 'drift-schedules', 'drift-schedule-preview'], () => api.update('/organizations/{organization}/drift-settings', { organization: org }, body('drift-settings', { 'time-zone': zone })), () => toast('Schedules are due by the clocks there now.'))
  return (
    <Panel title="Time zone" padded>
      <fieldset disabled={!may} className="min-w-0">
        <Form action="Save the time zone" change={change} draft={draft} names={{ zone: 'the time zone' }} disabled={draft.clean}>
          <Field label="Time zone" error={fieldsOf(change.error)['time-zone']} help={`Schedules are due, and messages are dated, by the clocks there.${own !== zone ? ` Yours is ${own}.` : ''}`}>
            <Input list="zones" value={zone} onChange={(e) => draft.set({ zone: e.target.value })} required placeholder="Europe/Berlin" />
          </Field>
          <datalist id="zones">{Intl.supportedValuesOf('timeZone').map((z) => <option key={z} value={z} />)}</datalist>
        </Form>
      </fieldset>
    </Panel>
  )
}

const periods = [[60, 'every hour'], [240, 'every 4 hours'], [720, 'every 12 hours'], [1440, 'every day'], [10_080, 'every week']] as const

function Assessments({ org, settings, may }: { org: string; settings: Resource<'assessment-settings'>; may: boolean }) {
  const was = settings.attributes
  const enforced = useOrganization(org).attributes['assessments-enforced']
  const draft = useDraft({ minutes: was['period-minutes'], confirm: String(was['confirm-seconds']), all: enforced })
  const { minutes, confirm, all } = draft.values
  const change = useChange(
    ['assessment-settings', 'organizations', 'workspaces'],
    async () => {
      await api.update('/organizations/{organization}/assessment-settings', { organization: org }, body('assessment-settings', { 'period-minutes': minutes, 'confirm-seconds': Number(confirm) }))
      if (all !== enforced) await api.update('/organizations/{organization}', { organization: org }, body('organizations', { 'assessments-enforced': all }, undefined, org))
    },
    () => toast('The settings are saved.'),
  )
  const wrong = fieldsOf(change.error)
  return (
    <Panel title="Assessments of workspaces" padded>
      <fieldset disabled={!may} className="min-w-0">
        <Form action="Save the assessments" change={change} draft={draft} names={{ minutes: 'how often', confirm: 'when it is looked again', all: 'whether every workspace is assessed' }}>
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label="How often" error={wrong['period-minutes']} help="After the last apply or the last assessment, whichever is later.">
              <Select value={minutes} onChange={(e) => draft.set({ minutes: Number(e.target.value) })}>
                {periods.map(([n, words]) => <option key={n} value={n}>{words}</option>)}
                {!periods.some(([n]) => n === was['period-minutes']) && <option value={was['period-minutes']}>every {was['period-minutes']} minutes</option>}
              </Select>
            </Field>
            <Field label="Seconds until a second look" error={wrong['confirm-seconds']} help="What is severe is looked at again before anybody is told. 0 believes it at once. Schedules do the same.">
              <Input type="number" min={0} max={3600} value={confirm} onChange={(e) => draft.set({ confirm: e.target.value })} required />
            </Field>
          </div>
          <Choice label="Assess every workspace" help="Else each says for itself, on its health page." checked={all} onChange={(e) => draft.set({ all: e.target.checked })} />
        </Form>
      </fieldset>
    </Panel>
  )
}
