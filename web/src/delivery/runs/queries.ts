import { listQuery, readQuery, polling } from '~/kernel/queries'

/** runQuery is a run with all that its page shows at first. */
export const runQuery = (id: string) =>
  readQuery('runs', '/runs/{id}', { id }, { include: 'created_by,confirmed_by,plan,apply,workspace,configuration_version.ingress_attributes' })

/** eventsQuery is what happened to a run, with who did it and what they said. */
export const eventsQuery = (id: string) => ({ ...listQuery('run-events', '/runs/{id}/run-events', { id }, { include: 'actor,comment' }), ...polling })

/** queueQuery is which runs of an organization wait, the first first. */
export const queueQuery = (org: string) => ({ ...listQuery('runs', '/organizations/{organization}/runs/queue', { organization: org }, { 'page[size]': 100, include: 'workspace' }), ...polling })
