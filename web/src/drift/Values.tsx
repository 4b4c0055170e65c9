// What was recorded, what is real and what the code wants, side by side.
import { Fragment } from 'react'
import type { Resource } from '~/kernel/jsonapi'
import { Icon } from '~/ui/Icon'
import { Notice } from '~/ui/Failure'
import { cx } from '~/ui/classes'
import { shown } from './parts'

type Finding = Pick<Resource<'drift-findings'>['attributes'], 'masked' | 'recorded' | 'real' | 'wanted' | 'wanted-unknown' | 'kind'>

const columns = [
  { key: 'recorded', name: 'Recorded', about: 'in the state, after the last apply', top: 'border-t-idle' },
  { key: 'real', name: 'Real', about: 'what the provider says now', top: 'border-t-bad' },
  { key: 'wanted', name: 'Wanted', about: 'what the code says', top: 'border-t-ok' },
] as const

/** Values shows the three values of a finding; lines that are not as recorded are marked. */
export function Values({ finding: a }: { finding: Finding }) {
  const recorded = textOf(a.recorded)
  return (
    <div>
      {a.masked && <Notice icon="lock" className="mb-3">The values are sensitive. They are compared in the executor’s memory and kept nowhere.</Notice>}
      <div className="grid gap-3 md:grid-cols-3">
        {columns.map((c) => (
          <section key={c.key} className={cx('min-w-0 rounded-lg border border-t-2 border-line bg-surface p-3 shadow-low', c.top)}>
            <h2 className="font-semibold">{c.name}</h2>
            <p className="text-sm text-muted">{c.about}</p>
            {a.masked ? <Masked name={c.name} /> : <Value name={c.name} text={textOf(a[c.key])} than={c.key === 'recorded' ? undefined : recorded} unknown={c.key === 'wanted' && a['wanted-unknown']} real={c.key === 'real'} />}
          </section>
        ))}
      </div>
    </div>
  )
}

function textOf(v: unknown): string | undefined {
  return v === null || v === undefined ? undefined : shown(v)
}

function Masked({ name }: { name: string }) {
  return (
    <p className="mt-2 flex items-center gap-2 rounded bg-sunken p-2 text-sm text-muted" aria-label={`${name} value is sensitive`}>
      <Icon name="lock" size={14} />sensitive
    </p>
  )
}

function Value({ name, text, than, unknown, real }: { name: string; text: string | undefined; than: string | undefined; unknown: boolean; real: boolean }) {
  if (unknown) return <p className="mt-2 rounded bg-sunken p-2 text-sm text-muted"><em>known after apply</em></p>
  if (text === undefined) return <p className="mt-2 rounded bg-sunken p-2 text-sm text-muted"><em>nothing</em></p>
  const before = than === undefined ? undefined : new Set(than.split('\n').map((l) => l.replace(/,$/, '')))
  return (
    <pre className="mt-2 max-h-96 overflow-auto rounded bg-sunken p-2 font-mono text-sm wrap-anywhere whitespace-pre-wrap" tabIndex={0} aria-label={`${name} value`}>
      {text.split('\n').map((line, i) => {
        const other = before !== undefined && !before.has(line.replace(/,$/, ''))
        return <Fragment key={i}>{i > 0 && '\n'}{other ? <mark className={cx('rounded-sm bg-transparent font-semibold', real ? 'text-bad' : 'text-ok')}>{line}</mark> : line}</Fragment>
      })}
      {text === '' && <em className="font-sans text-muted">an empty text</em>}
    </pre>
  )
}
