import { CopyButton } from './Copy'
import { Notice } from './Failure'

/** Secret shows what is shown once only. */
export function Secret({ what, value }: { what: string; value: string }) {
  return (
    <Notice tone="ok" icon="key" role="status" className="mb-4">
      <p className="font-medium">{what} Copy it now: it is not shown again.</p>
      <p className="mt-2 flex items-center gap-1 rounded border border-line bg-surface py-0.5 pr-0.5 pl-2.5 text-text">
        <code className="min-w-0 flex-1 font-mono text-sm break-all" data-secret>{value}</code>
        <CopyButton text={value} />
      </p>
    </Notice>
  )
}
