// The audit log of an organization.
import { createRoute } from '@tanstack/react-router'
import { Trail, trailSearchOf } from './Trail'
import { settingsRoute } from './frame'

export const auditRoute = createRoute({ getParentRoute: () => settingsRoute, path: '/audit', validateSearch: trailSearchOf, component: Audit })

function Audit() {
  const { org } = auditRoute.useParams()
  const search = auditRoute.useSearch()
  const navigate = auditRoute.useNavigate()
  return (
    <Trail org={org} search={search} show={(to, replace = false) => void navigate({ search: to, replace })}>
      Every change that somebody makes here is recorded.
    </Trail>
  )
}
