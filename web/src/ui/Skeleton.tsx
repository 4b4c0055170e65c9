import { cx } from './classes'

/** Skeleton holds the place of a text or a box that is being loaded, in its size. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden="true" className={cx('skeleton block', className ?? 'h-4 w-32')} />
}

/** SkeletonRows are the rows of a list before it is there. */
export function SkeletonRows({ rows = 6, className }: { rows?: number; className?: string }) {
  return (
    <div role="status" aria-label="Loading" className={className}>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} className="flex h-11 items-center gap-4 border-b border-line px-4 last:border-0">
          <Skeleton className={cx('h-3.5', ['w-48', 'w-36', 'w-56', 'w-40'][i % 4])} />
          <Skeleton className="ml-auto h-3.5 w-20" />
        </div>
      ))}
    </div>
  )
}
