// What administrators set for the whole server while it runs.
import { useQueries } from '@tanstack/react-query'
import { createRoute } from '@tanstack/react-router'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { adminRoute } from './frame'
import { MailServer, mailQuery } from './mail'
import { Rules, rulesQuery } from './rules'
import { SigningKeys, keysQuery } from './signing'
import { PageWords, wordsQuery } from './words'

export const adminSettingsRoute = createRoute({ getParentRoute: () => adminRoute, path: '/settings', component: Settings })

/** Settings waits for all four, so that none moves when another one comes. */
function Settings() {
  const pending = useQueries({ queries: [rulesQuery, mailQuery, wordsQuery, keysQuery] }).some((q) => q.isPending)
  if (pending) return <div className="max-w-3xl space-y-4">{[0, 1, 2, 3].map((i) => <Panel key={i}><SkeletonRows rows={5} /></Panel>)}</div>
  return (
    <div className="max-w-3xl space-y-4">
      <Rules />
      <MailServer />
      <PageWords />
      <SigningKeys />
    </div>
  )
}
