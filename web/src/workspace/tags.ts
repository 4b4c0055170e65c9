// Tags as people write them: a key alone, or a key with a value. In addresses they are
// "aws,env=prod": neither a key nor a value has a comma, and no key has an equals sign.
import { refsOf, type Included, type Resource } from '~/kernel/jsonapi'
import { words } from '~/kernel/search'

/** TagOf is a tag: its key, and its value if it has one. */
export type TagOf = { key: string; value: string }

/** tagText is how a tag is shown. */
export function tagText({ key, value }: TagOf): string {
  return value === '' ? key : `${key}: ${value}`
}

/** parseTags reads the tags of an address; several with one key count once, as the last says. */
export function parseTags(text: string | undefined): TagOf[] {
  const all = words(text).map((w): TagOf => {
    const at = w.indexOf('=')
    return at < 0 ? { key: w.trim(), value: '' } : { key: w.slice(0, at).trim(), value: w.slice(at + 1).trim() }
  })
  return [...new Map(all.filter((t) => t.key !== '').map((t) => [t.key, t])).values()]
}

/** writeTags is the opposite of parseTags, undefined if there are none. */
export function writeTags(tags: readonly TagOf[]): string | undefined {
  return tags.map((t) => (t.value === '' ? t.key : `${t.key}=${t.value}`)).join(',') || undefined
}

/** withTag adds a tag to those of an address. */
export function withTag(text: string | undefined, tag: TagOf): string | undefined {
  return writeTags(parseTags([text, writeTags([tag])].filter(Boolean).join(',')))
}

/** tagQuery asks for what has all tags, and no flat tag of the others. */
export function tagQuery(having: string | undefined, without: string | undefined): Record<string, string | undefined> {
  const tagged = parseTags(having).flatMap((t, i) => [[`filter[tagged][${i}][key]`, t.key], ...(t.value === '' ? [] : [[`filter[tagged][${i}][value]`, t.value]])])
  return { ...(Object.fromEntries(tagged) as Record<string, string>), 'search[exclude-tags]': words(without).join(',') || undefined }
}

/** tagsOf are the tags of a workspace, those from its project too, if they came along. */
export function tagsOf(workspace: Resource<'workspaces'>, included: Included): TagOf[] {
  return refsOf(workspace, 'effective-tag-bindings').flatMap((ref) => {
    const a = included.get('effective-tag-bindings', ref.id)?.attributes
    return a ? [{ key: a.key, value: a.value }] : []
  })
}
