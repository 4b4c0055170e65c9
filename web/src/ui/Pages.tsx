import { count } from '~/kernel/formats'
import type { Pagination } from '~/kernel/jsonapi'
import { Button } from './Button'
import { Icon } from './Icon'

type Props = { at: Pagination; /** What is counted: "event". */ what: string; many?: string; before?: string; after?: string; onPage: (page: number) => void }

/** Pages leads through a list a page at a time. Not every list says how many pages it has. */
export function Pages({ at, what, many, before = 'Back', after = 'On', onPage }: Props) {
  const counted = at.pages > 1
  if (!counted && at.page === 1 && at.next === null) return null
  return (
    <nav aria-label="Pages" className="mt-3 flex items-center justify-between gap-3">
      <Button small icon="left" disabled={at.page <= 1} onClick={() => onPage(at.page - 1)}>{before}</Button>
      <span className="text-sm text-muted tabular">{counted ? `${count(at.total, what, many)}, page ${at.page} of ${at.pages}` : `Page ${at.page}`}</span>
      <Button small disabled={at.next === null} onClick={() => onPage(at.page + 1)}>{after}<Icon name="right" /></Button>
    </nav>
  )
}
