import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { address, send } from '~/kernel/api'
import { messageOf } from '~/kernel/problem'
import { useSettled } from '~/kernel/settled'
import { Field, Input, Select } from '~/ui/Field'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import type { Part } from './draft'

const frequencies = [
  ['hourly', 'every hour'], ['daily', 'every day'], ['weekly', 'every week'], ['monthly', 'every month'],
  ['every-5m', 'every 5 minutes'], ['every-15m', 'every 15 minutes'], ['every-30m', 'every 30 minutes'], ['every-2h', 'every 2 hours'], ['every-4h', 'every 4 hours'], ['every-6h', 'every 6 hours'], ['every-12h', 'every 12 hours'],
  ['cron', 'as a cron line says'], ['off', 'never by itself'],
] as const

/** What an offset is for each frequency. */
function offsetOf(frequency: string): { label: string; example: string; help: string } | undefined {
  if (frequency === 'off' || frequency.startsWith('cron')) return undefined
  if (frequency === 'daily') return { label: 'At', example: '04:30', help: 'A time, or an hour from 0 to 23.' }
  if (frequency === 'weekly') return { label: 'On', example: 'mon 04:30', help: 'A day and a time, such as mon 09:22; 0 is Sunday.' }
  if (frequency === 'monthly') return { label: 'On', example: '1 04:30', help: 'A day from 1 to 28 and a time.' }
  return { label: 'At minute', example: '22', help: 'A minute.' }
}

/** When says how often and at which time. */
export function When({ draft, onChange, wrong }: Part) {
  const isCron = draft.frequency.startsWith('cron:')
  const kind = isCron ? 'cron' : draft.frequency
  const offset = offsetOf(kind)
  const known = frequencies.some(([v]) => v === kind)
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Field label="How often" error={isCron ? undefined : wrong.frequency}>
        <Select value={kind} onChange={(e) => onChange({ frequency: e.target.value === 'cron' ? 'cron:30 4 * * 1-5' : e.target.value, 'frequency-offset': '' })}>
          {frequencies.map(([v, name]) => <option key={v} value={v}>{name}</option>)}
          {!known && <option value={kind}>{kind.replaceAll('-', ' ')}</option>}
        </Select>
      </Field>
      {isCron && <Field label="Cron line" error={wrong.frequency} help="Minute, hour, day, month, weekday. At most every five minutes."><Input className="font-mono" value={draft.frequency.slice(5)} onChange={(e) => onChange({ frequency: `cron:${e.target.value}` })} /></Field>}
      {offset && <Field label={offset.label} error={wrong['frequency-offset']} optional help={`${offset.help} Empty is chosen by the server, so that scans spread.`}><Input value={draft['frequency-offset']} onChange={(e) => onChange({ 'frequency-offset': e.target.value })} placeholder={offset.example} /></Field>}
    </div>
  )
}

type Times = { label: string; times: string[] }

/** NextTimes are the next times at which the schedule is due, as the server computes them. */
export function NextTimes({ org, frequency, offset, schedule }: { org: string; frequency: string; offset: string; schedule: string | undefined }) {
  const wanted = useSettled(`${frequency}\n${offset}`)
  const [f = '', o = ''] = wanted.split('\n')
  const { data, error } = useQuery({
    queryKey: ['drift-schedule-preview', org, f, o, schedule],
    queryFn: async ({ signal }) => (await send('GET', address('/organizations/{organization}/drift-schedule-preview', { organization: org }, { frequency: f, 'frequency-offset': o, schedule }), undefined, signal)) as Times,
    placeholderData: keepPreviousData,
    retry: false,
  })
  return (
    <Panel title="Next scans" padded>
      {error && <p className="text-sm text-bad" role="alert">{messageOf(error)}</p>}
      {!data && !error && <SkeletonRows rows={4} />}
      {data && !error && (
        <>
          <p className="mb-2 font-medium">{data.label}</p>
          {data.times.length === 0 && <p className="text-sm text-muted">Only when somebody asks for one.</p>}
          <ol className="space-y-1 text-sm" aria-label="Next scans">{data.times.slice(0, 6).map((t) => <li key={t} className="flex justify-between gap-3 tabular"><span>{wall(t)}</span><Time at={t} className="text-muted" /></li>)}</ol>
          {data.times.length > 0 && schedule === undefined && o === '' && <p className="mt-2 text-sm text-muted">The exact time is set when you save it.</p>}
        </>
      )}
    </Panel>
  )
}

/** wall is a time as clocks of its zone show it: the zone is that of the organization, not of the browser. */
function wall(t: string): string {
  const day = new Date(`${t.slice(0, 10)}T12:00:00Z`).toLocaleDateString('en', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' })
  return `${day}, ${t.slice(11, 16)}`
}
