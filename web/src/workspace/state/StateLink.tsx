import { useQuery } from '@tanstack/react-query'
import { TextLink } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'
import { versionQuery } from './queries'

/** StateLink leads to a version of a state, by its serial; only who may read states can follow it. */
export function StateLink({ org, workspace, id }: { org: string; workspace: string; id: string }) {
  const { data, isPending } = useQuery(versionQuery(id))
  if (isPending) return <Skeleton className="h-4 w-16" />
  return <TextLink to="/$org/workspaces/$workspace/states/$state" params={{ org, workspace, state: id }}>{data ? `State ${data.item.attributes.serial}` : id}</TextLink>
}
