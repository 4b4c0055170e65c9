// All that a scan found: in words, object by object, check by check, and as the engine
// prints it.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { address, send } from '~/kernel/api'
import { count } from '~/kernel/formats'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Download } from './parts'
import { Severity, kinds } from './words'

type Found = { address: string; path: string; kind: string; severity: string; title?: string; masked?: boolean }
type Check = { address: string; status: string; severity: string; problems?: string[] }
type Answer = { severity: string; reasons: string[]; summary: string; findings: Found[]; checks: Check[]; providers: Record<string, string> | null }

const few = 20

/** Verdict reads the whole verdict of a scan. */
export function Verdict({ scan }: { scan: string }) {
  const verdict = useQuery({ queryKey: ['drift-scans', 'verdict', scan], staleTime: Infinity, queryFn: ({ signal }) => send('GET', address('/drift-scans/{id}/verdict', { id: scan }), undefined, signal) as Promise<Answer> })
  const [all, setAll] = useState(false)
  const v = verdict.data
  if (verdict.error) return <Failure error={verdict.error} retry={() => void verdict.refetch()} />
  if (!v) return <Panel title="What it found"><SkeletonRows rows={3} /></Panel>
  return (
    <>
      <Panel title={`What it found: ${count(v.findings.length, 'difference')}`} actions={<Download label="Plan" href={address('/drift-scans/{id}/output', { id: scan })} />}>
        {v.reasons.length > 0 && <p className="border-b border-line px-4 py-2 text-sm text-muted">Severity: {v.reasons.join('; ')}</p>}
        {v.findings.length === 0 && <p className="px-4 py-5 text-muted">Everything is as the code says.</p>}
        <ul aria-label="What the scan found">
          {(all ? v.findings : v.findings.slice(0, few)).map((f) => (
            <li key={`${f.address} ${f.path} ${f.kind}`} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-2 last:border-0">
              <Severity level={f.severity} />
              <span className="min-w-0 font-mono text-sm wrap-anywhere max-sm:order-last max-sm:basis-full">{f.address} <span className="text-muted">{f.path}</span></span>
              {f.masked && <Badge icon="lock">Sensitive</Badge>}
              <span className="ml-auto text-sm text-muted">{kinds[f.kind]?.label ?? 'Needs nothing'}</span>
            </li>
          ))}
        </ul>
        {!all && v.findings.length > few && <Button look="quiet" className="m-2" onClick={() => setAll(true)}>Show all {v.findings.length}</Button>}
      </Panel>
      {v.checks.length > 0 && <Checks checks={v.checks} />}
    </>
  )
}

const statuses: Record<string, { label: string; tone: 'ok' | 'bad' | 'idle'; icon: 'check' | 'cross' | 'info' }> = {
  pass: { label: 'Passes', tone: 'ok', icon: 'check' },
  fail: { label: 'Fails', tone: 'bad', icon: 'cross' },
  error: { label: 'Cannot be evaluated', tone: 'bad', icon: 'cross' },
}

/** Checks are those of a configuration, those that do not pass first. */
function Checks({ checks }: { checks: Check[] }) {
  const passing = (c: Check) => Number(c.status === 'pass')
  return (
    <Panel title={`Checks: ${checks.filter((c) => c.status === 'pass').length} of ${checks.length} pass`}>
      <ul aria-label="Checks">
        {checks.toSorted((a, b) => passing(a) - passing(b)).map((c) => {
          const s = statuses[c.status] ?? { label: 'Unknown', tone: 'idle' as const, icon: 'info' as const }
          return (
            <li key={c.address} className="border-b border-line px-4 py-2 last:border-0">
              <div className="flex flex-wrap items-center gap-3">
                <Badge tone={s.tone} icon={s.icon}>{s.label}</Badge>
                <span className="font-mono text-sm wrap-anywhere">{c.address}</span>
              </div>
              {c.problems && c.problems.length > 0 && <ul className="mt-1 list-disc pl-6 text-sm text-muted">{c.problems.map((p) => <li key={p}>{p}</li>)}</ul>}
            </li>
          )
        })}
      </ul>
    </Panel>
  )
}
