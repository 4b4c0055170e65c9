// The profile's way to the drift API: an organization, its id there, and its tokens.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { readQuery } from '~/kernel/queries'
import { lastOrganization, organizationsQuery } from '~/kernel/session'
import { Empty, Failure } from '~/ui/Failure'
import { Field, Select } from '~/ui/Field'
import { Code } from '~/ui/Copy'
import { InOrder } from '~/ui/InOrder'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Keys } from './Keys'

export function YourKeys() {
  const organizations = useQuery(organizationsQuery)
  const all = (organizations.data ?? []).filter((o) => o.attributes.permissions['can-manage-drift'])
  const [chosen, setChosen] = useState(lastOrganization.get())
  const org = all.find((o) => o.id === chosen) ?? all[0]
  if (organizations.isPending) return <Panel><SkeletonRows /></Panel>
  if (organizations.error) return <Failure error={organizations.error} retry={() => void organizations.refetch()} />
  if (!org) return <Panel><Empty icon="key" title="No organization whose drift you manage"><p>Tokens of the drift API are made by owners, and by teams that manage all workspaces.</p></Empty></Panel>
  return (
    <InOrder className="space-y-4">
      {all.length > 1 && <Field label="Organization" className="max-w-sm"><Select value={org.id} onChange={(e) => setChosen(e.target.value)}>{all.map((o) => <option key={o.id} value={o.id}>{o.attributes.name}</option>)}</Select></Field>}
      <Of key={org.id} org={org.id} />
    </InOrder>
  )
}

function Of({ org }: { org: string }) {
  const settings = useQuery(readQuery('drift-settings', '/organizations/{organization}/drift-settings', { organization: org }))
  const id = settings.data?.item.attributes['drift-id']
  return (
    <>
      <Keys org={org} driftID={id} pending={settings.isPending} />
      {id && <Code title="A first request" text={`curl -H "X-Api-Key: $DRIFT_TOKEN" \\\n  -H "X-Org-ID: ${id}" \\\n  -d '{"list": true}' \\\n  ${window.location.origin}/drift/config`} />}
    </>
  )
}
