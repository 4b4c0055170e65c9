import { queryOptions } from '@tanstack/react-query'
import * as api from '~/kernel/api'

/** Address is that of a private module in the registry. */
export type Address = { org: string; namespace: string; name: string; provider: string }

/** path is where a module of the organization is in the API. */
export const path = '/organizations/{organization}/registry-modules/{registry}/{namespace}/{name}/{provider}' as const

/** params are its parameters. */
export function params({ org, namespace, name, provider }: Address) {
  return { organization: org, registry: 'private', namespace, name, provider }
}

/** moduleQuery is a module with its versions; it is asked again while a version is being read. */
export const moduleQuery = (a: Address) =>
  queryOptions({
    queryKey: ['registry-modules', 'read', a],
    queryFn: async ({ signal }) => (await api.read(path, params(a), {}, signal)).item,
    refetchInterval: (q) => (q.state.data?.attributes['version-statuses'].some((v) => !settled(v.status)) ? 1500 : false),
  })

/** settled is whether nothing more happens to a version by itself. */
export function settled(status: string): boolean {
  return ['ok', 'pending', 'clone_failed', 'reg_ingress_failed'].includes(status)
}

/** Part is a folder with configuration, as the registry protocol describes it. */
export type Part = {
  path: string
  name: string
  readme: string
  empty: boolean
  inputs: { name: string; type: string; description: string; default: string; required: boolean }[] | null
  outputs: { name: string; description: string }[] | null
  dependencies: { name: string; source: string; version: string }[] | null
  provider_dependencies: { name: string; namespace: string; source: string; version: string }[] | null
  resources: { name: string; type: string }[] | null
}

/** Details is all that is known of a version. */
export type Details = {
  version: string
  published_at: string
  root: Part
  submodules: Part[] | null
  examples: Part[] | null
  deprecation: { reason: string; link: string } | null
  revocation?: { message: string; link: string }
}

/** detailsQuery asks the registry protocol, which knows more of a version than the API. */
export const detailsQuery = (a: Address, version: string | undefined) =>
  queryOptions({
    queryKey: ['registry-module-versions', 'details', a, version],
    enabled: version !== undefined,
    queryFn: async ({ signal }) => {
      const address = [a.namespace, a.name, a.provider, version ?? ''].map(encodeURIComponent).join('/')
      return (await api.send('GET', `/api/registry/v1/modules/${address}`, undefined, signal)) as Details
    },
  })
