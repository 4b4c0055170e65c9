// Documents of JSON:API as the server sends them, with the types of its OpenAPI document.
import type { components } from './schema'

/** Schemas are the resources of the OpenAPI document, by their type. */
export type Schemas = components['schemas']

/** Kind is a type of resource that the server knows, such as "workspaces". */
export type Kind = Exclude<keyof Schemas, 'Resource' | 'ToOne' | 'ToMany' | 'Related' | 'Errors' | 'Member' | 'RelationshipInRequest'>

type AttributesOf<S> = S extends { attributes?: infer A } ? A : never
type RelationshipsOf<S> = S extends { relationships?: infer R } ? NonNullable<R> : never

/** Resource is one of a kind; the server always sends its attributes. */
export type Resource<K extends Kind> = {
  id: string
  type: string
  attributes: AttributesOf<Schemas[K]>
  relationships?: RelationshipsOf<Schemas[K]>
  links?: Record<string, unknown>
}

/** Ref points at a resource. */
export type Ref = { type: string; id: string }

/** Pagination tells where a page is in its list. */
export type Pagination = { page: number; pages: number; total: number; next: number | null }

/** Page is a page of a list, with what was included. */
export type Page<K extends Kind> = { items: Resource<K>[]; included: Included; pagination: Pagination }

/** Whole is all of a list, with what was included. */
export type Whole<K extends Kind> = Omit<Page<K>, 'pagination'>

/** One is a single resource, with what was included. */
export type One<K extends Kind> = { item: Resource<K>; included: Included }

type Loose = { id: string; type: string; attributes?: unknown; relationships?: unknown }

/** Included finds resources that came along with others. */
export class Included {
  private readonly byKey: Map<string, Loose>

  constructor(list: Loose[] = []) {
    this.byKey = new Map(list.map((r) => [`${r.type}/${r.id}`, r]))
  }

  /** and is this with what came along with another page. */
  and(more: Included): Included {
    return new Included([...this.byKey.values(), ...more.byKey.values()])
  }

  /** get returns the resource that a reference points at, if it came along. */
  get<K extends Kind>(kind: K, id: string | undefined): Resource<K> | undefined {
    return id === undefined ? undefined : (this.byKey.get(`${kind}/${id}`) as Resource<K> | undefined)
  }

  /** has reports whether a resource of a type came along: the one with the id, or any. */
  has(type: string, id: string | undefined): boolean {
    return id === undefined ? [...this.byKey.values()].some((r) => r.type === type) : this.byKey.has(`${type}/${id}`)
  }

  /** all returns everything of a kind. */
  all<K extends Kind>(kind: K): Resource<K>[] {
    return [...this.byKey.values()].filter((r) => r.type === kind) as unknown as Resource<K>[]
  }
}

/** refOf returns what a relationship to one resource points at. */
export function refOf(of: { relationships?: unknown } | undefined, name: string): Ref | undefined {
  return (dataOf(of, name) as Ref | null | undefined) ?? undefined
}

/** refsOf returns what a relationship to many resources points at. */
export function refsOf(of: { relationships?: unknown } | undefined, name: string): Ref[] {
  const data = dataOf(of, name)
  return Array.isArray(data) ? (data as Ref[]) : []
}

function dataOf(of: { relationships?: unknown } | undefined, name: string): unknown {
  const all = of?.relationships as Record<string, { data?: unknown } | undefined> | undefined
  return all?.[name]?.data
}

/** body makes the document of a request. Relationships are references, lists of them, or null. */
export function body(type: string, attributes: Record<string, unknown> = {}, relationships?: Record<string, Ref | Ref[] | null>, id?: string) {
  const related = relationships && Object.fromEntries(Object.entries(relationships).map(([name, data]) => [name, { data }]))
  return { data: { type, ...(id && { id }), attributes, ...(related && { relationships: related }) } }
}

type Wire = { data?: unknown; included?: unknown; meta?: { pagination?: Record<string, number | null | undefined> } }

/** pageOf reads the answer of a list. */
export function pageOf<K extends Kind>(doc: unknown): Page<K> {
  const wire = doc as Wire
  const items = (wire.data ?? []) as Resource<K>[]
  const at = wire.meta?.pagination ?? {}
  return {
    items,
    included: new Included((wire.included ?? []) as Loose[]),
    pagination: { page: at['current-page'] ?? 1, pages: at['total-pages'] ?? 1, total: at['total-count'] ?? items.length, next: at['next-page'] ?? null },
  }
}

/** oneOf reads the answer with a single resource. */
export function oneOf<K extends Kind>(doc: unknown): One<K> {
  const wire = doc as Wire
  return { item: wire.data as Resource<K>, included: new Included((wire.included ?? []) as Loose[]) }
}
