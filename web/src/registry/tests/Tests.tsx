// The tests of a module: the newest test runs with results and logs, and the variables that
// all of them are given.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { LogView } from '~/delivery/log/LogView'
import * as api from '~/kernel/api'
import type { Resource } from '~/kernel/jsonapi'
import { allQuery, listQuery, polling, useChange } from '~/kernel/queries'
import { Badge, type Tone } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure, Notice } from '~/ui/Failure'
import { Caret } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { toast, toastError } from '~/ui/Toast'
import { VariablesPanel } from '~/workspace/variableForm'
import { params, type Address } from '../modules/queries'
import { Results } from './Results'
import { StartTests } from './StartTests'
import { final, runAddress, runsPath, varsPath } from './paths'

export function Tests({ address }: { address: Address }) {
  const [starting, setStarting] = useState(false)
  const [shown, setShown] = useState<string>()
  const runs = useQuery({ ...listQuery('test-runs', runsPath, params(address), { 'page[size]': 10 }), ...polling })
  return (
    <>
      <Panel title="Tests" actions={<Button small icon="run" onClick={() => setStarting(true)}>Start the tests</Button>}>
        {runs.isPending && <SkeletonRows rows={2} />}
        {runs.error && <Failure error={runs.error} retry={() => void runs.refetch()} className="m-4" />}
        {runs.data?.items.length === 0 && <Empty icon="check" title="Nothing was tested yet" className="py-8!"><p>Files such as <code className="font-mono">tests/main.tftest.hcl</code> say what the module must do. Start them here, or with <code className="font-mono">terraform test</code>.</p></Empty>}
        {runs.data && runs.data.items.length > 0 && <ul aria-label="Test runs">{runs.data.items.map((r) => <One key={r.id} address={address} run={r} open={shown === r.id} onOpen={(open) => setShown(open ? r.id : undefined)} />)}</ul>}
      </Panel>
      <Variables address={address} />
      {starting && <StartTests address={address} onClose={() => setStarting(false)} onStarted={setShown} />}
    </>
  )
}

type OneProps = { address: Address; run: Resource<'test-runs'>; open: boolean; onOpen: (open: boolean) => void }

function One({ address: a, run, open, onOpen }: OneProps) {
  const t = run.attributes
  const tone: Tone = !final(t.status) ? 'info' : t['test-status'] === 'pass' ? 'ok' : t.status === 'canceled' ? 'idle' : 'bad'
  return (
    <li className="border-b border-line last:border-0">
      <button type="button" aria-expanded={open} onClick={() => onOpen(!open)} className="flex min-h-11 w-full items-center gap-3 px-4 py-1.5 text-left hover:bg-hover">
        <Caret open={open} />
        <span className="min-w-0 flex-1 truncate">{t.message || run.id}</span>
        <span className="text-sm text-muted tabular max-sm:hidden">{t['tests-passed'] != null && `${t['tests-passed']} passed, ${(t['tests-failed'] ?? 0) + (t['tests-errored'] ?? 0)} failed`}</span>
        <Badge tone={tone} busy={t.status === 'running'}>{final(t.status) ? (t['test-status'] ?? t.status) : t.status}</Badge>
        <Time at={t['created-at']} className="w-16 text-right text-sm text-muted" />
      </button>
      {open && <Opened address={a} run={run} />}
    </li>
  )
}

function Opened({ address: a, run }: { address: Address; run: Resource<'test-runs'> }) {
  const t = run.attributes
  const done = final(t.status)
  const [log, setLog] = useState<boolean>()
  const showsLog = log ?? !done
  return (
    <div className="border-t border-line">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1.5 px-4 py-2 text-sm text-muted">
        <code className="font-mono">{run.id}</code>
        {t.filters.length > 0 && <span>only {t.filters.join(', ')}</span>}
        {t.variables.length > 0 && <span>with {t.variables.map((v) => v.key).join(', ')}</span>}
        <span className="ml-auto flex gap-2">
          {done && <Button small look="quiet" onClick={() => setLog(!showsLog)}>{showsLog ? 'Results' : 'Log'}</Button>}
          {!done && <Stop address={a} run={run} />}
        </span>
      </div>
      {t['error-message'] && <Notice tone="bad" icon="warning" className="mx-4 mb-3">{t['error-message']}</Notice>}
      {showsLog ? <LogView name="test" events={runAddress(a, run.id, 'log/events')} id={run.id} url={t['log-read-url']} complete={done} waiting="An executor prepares the tests." /> : <Results address={a} run={run.id} />}
    </div>
  )
}

/** Stop asks a test run to end; if it was asked already, it can be ended by force. */
function Stop({ address, run }: { address: Address; run: Resource<'test-runs'> }) {
  const [asked, setAsked] = useState(false)
  const [forcing, setForcing] = useState(false)
  const stop = useChange(['test-runs'], (verb: 'cancel' | 'force-cancel') => api.send('POST', runAddress(address, run.id, verb)), (_, verb) => {
    toast(verb === 'cancel' ? 'Asked to cancel. What the tests have made is destroyed first.' : 'Canceled by force.')
    setAsked(true)
    setForcing(false)
  })
  return (
    <>
      <Button small icon="stop" look="danger" busy={stop.isPending} onClick={() => (asked ? setForcing(true) : stop.mutate('cancel', { onError: toastError }))}>{asked ? 'Cancel by force' : 'Cancel'}</Button>
      {forcing && (
        <Confirm title="Cancel by force?" action="Cancel by force" busy={stop.isPending} error={stop.error} onConfirm={() => stop.mutate('force-cancel')} onClose={() => setForcing(false)}>
          <p>The engine is killed at once. What the tests have made stays, and nothing knows of it any more.</p>
        </Confirm>
      )}
    </>
  )
}

/** Variables are given to every test run of the module. */
function Variables({ address }: { address: Address }) {
  const keys = params(address)
  const list = useQuery({ ...allQuery('vars', varsPath, keys), ...polling })
  if (list.error) return <Failure error={list.error} retry={() => void list.refetch()} />
  return (
    <VariablesPanel
      title="Test variables"
      list={list.data as Resource<'vars'>[] | undefined}
      mayChange
      create={(document) => api.create(varsPath, keys, document)}
      update={(id, document) => api.update(`${varsPath}/{id}`, { ...keys, id }, document)}
      remove={(id) => api.remove(`${varsPath}/{id}`, { ...keys, id })}
      envOnly
      empty="Environment variables for every test run, such as credentials."
    />
  )
}
