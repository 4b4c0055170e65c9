// What to do where nobody looks for drift yet.
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { listQuery } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { LinkButton } from '~/ui/Button'
import { Icon } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { cx } from '~/ui/classes'

/** FirstSteps leads from a repository over a connection to a schedule, or to assessments. */
export function FirstSteps({ org, assessed }: { org: string; assessed: boolean }) {
  const may = useOrganization(org).attributes.permissions
  const some = { organization: org }
  const one = { 'page[size]': 1 }
  const enabled = may['can-read-drift']
  const repositories = useQuery({ ...listQuery('drift-repositories', '/organizations/{organization}/drift-repositories', some, one), enabled })
  const connections = useQuery({ ...listQuery('drift-connections', '/organizations/{organization}/drift-connections', some, one), enabled })
  const schedules = useQuery({ ...listQuery('drift-schedules', '/organizations/{organization}/drift-schedules', some, one), enabled })
  const done = (q: { data?: { pagination: { total: number } } | undefined }) => (q.data?.pagination.total ?? 0) > 0
  const first = !done(repositories) ? 0 : !done(connections) ? 1 : 2
  return (
    <Panel title="First steps" padded>
      <div className={cx('grid gap-6', enabled && 'md:grid-cols-2')}>
        <section>
          <h3 className="font-semibold">Drift of workspaces</h3>
          <p className="mt-1 text-muted">Health assessments look once a day whether everything is still as the last apply left it. They need a run that was applied, and nothing else.</p>
          <div className="mt-3 flex items-center gap-3">
            {assessed && <span className="flex items-center gap-1 text-ok"><Icon name="check" />Assessments are on</span>}
            <LinkButton to="/$org/drift/workspaces" params={{ org }} look={assessed || enabled ? 'normal' : 'primary'}>Choose workspaces to assess</LinkButton>
          </div>
        </section>
        {enabled && (
          <section>
            <h3 className="font-semibold">Drift of repositories</h3>
            <p className="mt-1 text-muted">Folders of a git repository are scanned on a schedule; they need no workspace here.</p>
            <ol className="mt-3 space-y-2">
              <Step n={1} done={done(repositories)} next={first === 0}><LinkButton to="/$org/drift/repositories" params={{ org }} look={first === 0 && may['can-manage-drift'] ? 'primary' : 'normal'} small>Add a repository</LinkButton> where the code is</Step>
              <Step n={2} done={done(connections)} next={first === 1}><LinkButton to="/$org/drift/connections" params={{ org }} look={first === 1 && may['can-manage-drift'] ? 'primary' : 'normal'} small>Add a connection</LinkButton> with credentials that may only read</Step>
              <Step n={3} done={done(schedules)} next={first === 2}><LinkButton to="/$org/drift/schedules" params={{ org }} look={first === 2 && may['can-manage-drift'] ? 'primary' : 'normal'} small>Make a schedule</LinkButton> that says what is scanned when</Step>
            </ol>
          </section>
        )}
      </div>
    </Panel>
  )
}

function Step({ n, done, next, children }: { n: number; done: boolean; next: boolean; children: ReactNode }) {
  return (
    <li className="flex items-center gap-2.5">
      <span className={cx('flex size-6 shrink-0 items-center justify-center rounded-full text-sm', done ? 'bg-ok-soft text-ok' : next ? 'bg-accent-soft font-semibold text-accent' : 'bg-idle-soft text-idle')}>
        {done ? <><Icon name="check" size={13} /><span className="sr-only">done</span></> : n}
      </span>
      <span className="flex flex-wrap items-center gap-2">{children}</span>
    </li>
  )
}
