import { useQuery } from '@tanstack/react-query'
import { text } from '~/kernel/api'
import { duration } from '~/kernel/formats'
import { Badge, type Tone } from '~/ui/Badge'
import { Failure } from '~/ui/Failure'
import { SkeletonRows } from '~/ui/Skeleton'
import type { Address } from '../modules/queries'
import { runAddress } from './paths'
import { resultsOf, type Case, type Outcome } from './junit'

const looks: Record<Outcome, { label: string; tone: Tone }> = {
  pass: { label: 'passed', tone: 'ok' },
  fail: { label: 'failed', tone: 'bad' },
  error: { label: 'error', tone: 'bad' },
  skip: { label: 'skipped', tone: 'idle' },
}

/** Results is what came of each file of a test run, and of each run in it. */
export function Results({ address, run }: { address: Address; run: string }) {
  const url = runAddress(address, run, 'junit')
  const results = useQuery({
    queryKey: ['test-results', run],
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      return resultsOf(new DOMParser().parseFromString(await text(url, signal), 'application/xml'))
    },
  })
  if (results.isPending) return <SkeletonRows rows={3} />
  if (results.error) return <Failure error={results.error} retry={() => void results.refetch()} className="m-4" />
  if (results.data.length === 0) return <p className="p-4 text-muted">No test has run. The log says why.</p>
  return (
    <div>
      <ul aria-label="Test files">
        {results.data.map((f) => (
          <li key={f.name} className="border-b border-line">
            <div className="flex flex-wrap items-center gap-2.5 bg-sunken/60 px-4 py-2">
              <code className="font-mono text-sm font-medium wrap-anywhere">{f.name}</code>
              <Badge tone={looks[f.outcome].tone}>{looks[f.outcome].label}</Badge>
            </div>
            <ul aria-label={`Runs of ${f.name}`}>{f.cases.map((c, i) => <One key={`${c.name} ${i}`} of={c} />)}</ul>
          </li>
        ))}
      </ul>
      <p className="px-4 py-2.5 text-sm"><a href={url} download className="text-accent hover:underline">Download as JUnit XML</a></p>
    </div>
  )
}

function One({ of: c }: { of: Case }) {
  return (
    <li className="border-t border-line px-4 py-1.5">
      <div className="flex items-center gap-3">
        <span className="min-w-0 flex-1 font-mono text-sm wrap-anywhere">{c.name}</span>
        {c.seconds !== undefined && <span className="text-sm text-muted tabular">{c.seconds < 1 ? `${Math.round(c.seconds * 1000)} ms` : duration(c.seconds)}</span>}
        <Badge tone={looks[c.outcome].tone}>{looks[c.outcome].label}</Badge>
      </div>
      {c.says && <pre className="mt-1 overflow-x-auto rounded bg-bad-soft px-3 py-2 font-mono text-sm whitespace-pre-wrap text-bad">{c.says}</pre>}
    </li>
  )
}
