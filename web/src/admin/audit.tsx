// The audit log of the site: what belongs to no organization.
import { createRoute } from '@tanstack/react-router'
import { Trail, trailSearchOf } from '~/organization/Trail'
import { adminRoute } from './frame'

export const adminAuditRoute = createRoute({ getParentRoute: () => adminRoute, path: '/audit', validateSearch: trailSearchOf, component: Audit })

function Audit() {
  const search = adminAuditRoute.useSearch()
  const navigate = adminAuditRoute.useNavigate()
  return (
    <>
      <p className="mb-4 text-muted">Logins, accounts and settings of the server. What happens in an organization is in the audit log of its settings.</p>
      <Trail search={search} show={(to, replace = false) => void navigate({ search: to, replace })}>
        Every login and every change to accounts and to settings of the server is recorded.
      </Trail>
    </>
  )
}
