// Sending a version of a provider: the version, its two files, and each platform with its
// archive. What is there already is left as it is, so a publication that broke off goes on.
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { Problem } from '~/kernel/problem'
import type { Bundle, Platform } from './bundle'

/** Params are where a provider is in the API. */
export type Params = { organization: string; registry: string; namespace: string; name: string }

/** providerPath is its path. */
export const providerPath = '/organizations/{organization}/registry-providers/{registry}/{namespace}/{name}' as const

/** publish sends everything, and says what it is doing. */
export async function publish(p: Params, b: Bundle, key: string, protocols: string[], says: (step: string) => void): Promise<void> {
  const keys = { ...p, version: b.version }
  says(`Making version ${b.version}`)
  const version = await orThere(
    () => api.create(`${providerPath}/versions`, p, body('registry-provider-versions', { version: b.version, 'key-id': key, protocols })),
    () => api.read(`${providerPath}/versions/{version}`, keys),
  )
  for (const [name, file] of [['shasums', b.sums], ['shasums-sig', b.signature]] as const) {
    if (file) await upload(version, `${name}-upload`, file, says)
  }
  for (const platform of b.platforms) await send(keys, platform, says)
}

async function send(keys: Params & { version: string }, { os, arch, filename, shasum, file }: Platform, says: (step: string) => void) {
  if (!file) return
  const at = `${providerPath}/versions/{version}/platforms` as const
  const made = await orThere(
    () => api.create(at, keys, body('registry-provider-platforms', { os, arch, filename, shasum })),
    () => api.read(`${at}/{os}/{arch}`, { ...keys, os, arch }),
  )
  await upload(made, 'provider-binary-upload', file, says)
}

/** orThere makes something, or finds it if it was made before. */
async function orThere(make: () => Promise<{ item: unknown }>, find: () => Promise<{ item: unknown }>): Promise<Resource<'registry-provider-versions'>> {
  try {
    return (await make()).item as Resource<'registry-provider-versions'>
  } catch (err) {
    if (!(err instanceof Problem) || err.status !== 422) throw err
    const found = await find().catch(() => undefined)
    if (!found) throw err
    return found.item as Resource<'registry-provider-versions'>
  }
}

/** upload sends a file to the address that its resource has for it; there is none once it is there. */
async function upload(of: { links?: Record<string, unknown> }, link: string, file: File, says: (step: string) => void) {
  const url = of.links?.[link]
  if (typeof url !== 'string') return
  says(`Uploading ${file.name}`)
  await api.upload(url, file)
}
