import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { LogView } from '~/delivery/log/LogView'
import type { Resource } from '~/kernel/jsonapi'
import { listQuery } from '~/kernel/queries'
import { Badge, type Tone } from '~/ui/Badge'
import { Icon } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { Time } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { params, type Address } from './queries'

const path = '/organizations/{organization}/tests/registry-modules/{registry}/{namespace}/{name}/{provider}/test-runs' as const

/** TestRuns are the newest test runs of a module, with their logs. There are none before its first tests. */
export function TestRuns({ address }: { address: Address }) {
  const runs = useQuery({
    ...listQuery('test-runs', path, params(address), { 'page[size]': 10 }),
    refetchInterval: (q) => (q.state.data?.items.some((r) => !final(r.attributes.status)) ? 2000 : 15_000),
  })
  if (!runs.data || runs.data.items.length === 0) return null
  return (
    <Panel title="Tests">
      <ul aria-label="Test runs">{runs.data.items.map((r) => <One key={r.id} address={address} run={r} />)}</ul>
    </Panel>
  )
}

function final(status: string): boolean {
  return !['queued', 'running'].includes(status)
}

function One({ address: a, run }: { address: Address; run: Resource<'test-runs'> }) {
  const [open, setOpen] = useState(false)
  const t = run.attributes
  const tone: Tone = !final(t.status) ? 'info' : t['test-status'] === 'pass' ? 'ok' : t.status === 'canceled' ? 'idle' : 'bad'
  const events = `/organizations/${a.org}/tests/registry-modules/private/${a.namespace}/${a.name}/${a.provider}/test-runs/${run.id}/log/events`
  return (
    <li className="border-b border-line last:border-0">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)} className="flex min-h-11 w-full items-center gap-3 px-4 py-1.5 text-left hover:bg-hover">
        <Icon name="right" size={14} className={cx('text-faint transition-transform', open && 'rotate-90')} />
        <span className="min-w-0 flex-1 truncate">{t.message || run.id}</span>
        <span className="text-sm text-muted tabular max-sm:hidden">{t['tests-passed'] != null && `${t['tests-passed']} passed, ${(t['tests-failed'] ?? 0) + (t['tests-errored'] ?? 0)} failed`}</span>
        <Badge tone={tone} busy={t.status === 'running'}>{final(t.status) ? (t['test-status'] ?? t.status) : t.status}</Badge>
        <Time at={t['created-at']} className="w-16 text-right text-sm text-muted" />
      </button>
      {open && <div className="border-t border-line"><LogView name={`test ${run.id}`} events={events} id={run.id} url={t['log-read-url']} complete={final(t.status)} waiting="An executor prepares the tests." /></div>}
    </li>
  )
}
