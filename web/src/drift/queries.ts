import type { Query } from '~/kernel/api'
import { pageSize } from '~/kernel/longlist'
import { listQuery } from '~/kernel/queries'
import type { FindingFilter } from './routes'

/** narrowing are the parameters that a filter means. */
export function narrowing(f: FindingFilter): Query {
  return {
    'search[text]': f.q, 'filter[severity]': f.severity, 'filter[kind]': f.kind, 'filter[status]': f.status ?? ['open', 'ignored'], 'filter[provider]': f.provider,
    'filter[workspace][name]': f.workspace, 'filter[schedule][id]': f.schedule, 'filter[assigned-to]': f.assignee, 'filter[acknowledged]': f.seen,
    'filter[target]': f.target, 'filter[cause]': f.cause,
  }
}

/** findingsQuery is a page of the findings that a filter lets through, from 1. */
export function findingsQuery(org: string, f: FindingFilter, page: number) {
  return listQuery('drift-findings', '/organizations/{organization}/drift-findings', { organization: org }, {
    ...narrowing(f), sort: f.sort, 'page[number]': page, 'page[size]': pageSize, include: 'workspace,drift-schedule,assigned-to',
  })
}
