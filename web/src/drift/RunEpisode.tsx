// What a run has to do with drift: the episode that it is to put right.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { listQuery } from '~/kernel/queries'
import { Fact, TextLink } from '~/ui/Page'

/** RunEpisode leads to the drift that a run applies again for, if it does. */
export function RunEpisode({ run }: { run: string }) {
  const { org } = useParams({ strict: false })
  const { data } = useQuery(listQuery('drift-episodes', '/runs/{id}/drift-episodes', { id: run }))
  const episode = data?.items[0]
  if (!episode || !org) return null
  return <Fact name="Puts right"><TextLink to="/$org/drift/episodes/$episode" params={{ org, episode: episode.id }}>The episode</TextLink></Fact>
}
