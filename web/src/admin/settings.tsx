// What administrators set for the whole server while it runs.
import { createRoute } from '@tanstack/react-router'
import { adminRoute } from './frame'
import { MailServer } from './mail'
import { Rules } from './rules'
import { SigningKeys } from './signing'
import { PageWords } from './words'

export const adminSettingsRoute = createRoute({ getParentRoute: () => adminRoute, path: '/settings', component: Settings })

function Settings() {
  return (
    <div className="max-w-3xl space-y-4">
      <Rules />
      <MailServer />
      <PageWords />
      <SigningKeys />
    </div>
  )
}
