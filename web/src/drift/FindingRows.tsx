import { Link } from '@tanstack/react-router'
import type { Included, Resource } from '~/kernel/jsonapi'
import { Badge } from '~/ui/Badge'
import { Since } from '~/ui/Time'
import { cx } from '~/ui/classes'
import { Place } from './parts'
import { FindingStatus, Severity, kinds } from './words'

/** FindingRows are findings in a list; bare leaves out where they are, where that is clear. */
export function FindingRows({ org, items, included, bare }: { org: string; items: Resource<'drift-findings'>[]; included: Included; bare?: boolean }) {
  return (
    <ul aria-label="Findings">
      {items.map((f) => {
        const a = f.attributes
        return (
          <li key={f.id} className="border-b border-line px-4 py-2.5 last:border-0 hover:bg-hover">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <Severity level={a.severity} />
              <FindingAddress org={org} finding={f} className="wrap-anywhere max-sm:order-last max-sm:basis-full" />
              <span className="ml-auto flex items-center gap-2">
                {a['acknowledged-at'] && <Badge icon="eye">Seen</Badge>}
                <FindingStatus status={a.status} />
              </span>
            </div>
            <div className="mt-1 flex items-baseline gap-x-2 text-sm text-muted">
              <span className="min-w-0">{a.title ?? kinds[a.kind]?.label ?? a.kind}</span>
              {!bare && <span>in <Place org={org} of={f} included={included} /></span>}
              <span className="ml-auto whitespace-nowrap"><Since at={a['first-seen-at']} /></span>
            </div>
          </li>
        )
      })}
    </ul>
  )
}

/** FindingAddress is what a finding is about, and leads to it. */
export function FindingAddress({ org, finding, className }: { org: string; finding: Resource<'drift-findings'>; className?: string }) {
  const a = finding.attributes
  return (
    <Link to="/$org/drift/findings/$finding" params={{ org, finding: finding.id }} title={`${a.address} ${a.path ?? ''}`.trim()} className={cx('min-w-0 font-mono text-sm font-medium hover:text-accent', className)}>
      {a.address}{a.path && <span className="text-muted"> {a.path}</span>}
    </Link>
  )
}
