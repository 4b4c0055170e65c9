// Values of JSON, with what marks their parts as sensitive or as unknown before the apply.

/** Side is a value before or after. Marks are true, or have the shape of the value with true in it. */
export interface Side {
  readonly value: unknown
  readonly sensitive?: unknown
  readonly unknown?: unknown
}

/** none is a value that is not there. */
export const none: Side = { value: undefined }

/** placeholders stand for sensitive values in plans of the server; the second for one that changes. */
const placeholders = new Set<unknown>(['(sensitive value)', '(sensitive value, changed)'])

/** hidden is whether a whole value is sensitive. */
export function hidden(s: Side): boolean {
  return s.sensitive === true || placeholders.has(s.value)
}

/** absent is whether a value is null or not there, before and after the apply. */
export function absent(s: Side): boolean {
  return (s.value === undefined || s.value === null) && !anything(s.unknown)
}

/** anything is whether a mark has a true in it. */
export function anything(mark: unknown): boolean {
  if (Array.isArray(mark)) return mark.some(anything)
  return isObject(mark) ? Object.values(mark).some(anything) : mark === true
}

/** either is whether there is a value, and all that there are, are of a kind. */
export function either(before: Side, after: Side, is: (v: unknown) => boolean): boolean {
  const there = [before, after].filter((s) => !absent(s)).map((s) => s.value ?? shell(s.unknown))
  return there.length > 0 && there.every(is)
}

/** shell is the kind of a value of which all that is known is which parts are unknown. */
function shell(mark: unknown): unknown {
  return Array.isArray(mark) ? [] : {}
}

/** isObject is whether a value is an object of JSON. */
export function isObject(v: unknown): v is Record<string, unknown> {
  return typeof v === 'object' && v !== null && !Array.isArray(v)
}

/** isText is whether a value is a text. */
export function isText(v: unknown): v is string {
  return typeof v === 'string'
}

/** names are those of the members of two objects, in order. */
export function names(...of: Side[]): string[] {
  const all = new Set<string>()
  for (const s of of) {
    if (isObject(s.value)) for (const k of Object.keys(s.value)) all.add(k)
    if (isObject(s.unknown)) for (const [k, m] of Object.entries(s.unknown)) if (anything(m)) all.add(k)
  }
  return [...all].sort()
}

/** member is a member of an object with its marks. */
export function member(s: Side, name: string): Side {
  const of = (v: unknown) => (isObject(v) && Object.hasOwn(v, name) ? v[name] : undefined)
  const mark = (m: unknown) => (m === true ? true : of(m))
  return { value: of(s.value), sensitive: mark(s.sensitive), unknown: mark(s.unknown) }
}

/** sides are the elements of a list with their marks. */
export function sides(s: Side): Side[] {
  const list = Array.isArray(s.value) ? (s.value as unknown[]) : []
  const count = Math.max(list.length, Array.isArray(s.unknown) ? s.unknown.length : 0)
  const mark = (m: unknown, i: number): unknown => (m === true ? true : Array.isArray(m) ? (m as unknown[])[i] : undefined)
  return Array.from({ length: count }, (_, i) => ({ value: list[i], sensitive: mark(s.sensitive, i), unknown: mark(s.unknown, i) }))
}

/** identity is equal for values that are equal. */
export function identity(s: Side): string {
  const value = JSON.stringify(s.value ?? null, ordered)
  return anything(s.unknown) ? `${value} ${JSON.stringify(s.unknown)}` : value
}

/** same is whether two values are equal, whatever the order of their members. */
export function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a ?? null, ordered) === JSON.stringify(b ?? null, ordered)
}

function ordered(_: string, value: unknown): unknown {
  return isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value
}

/** maxDecoded is the length of the longest text in which JSON is looked for. */
const maxDecoded = 200_000

/** decoded is the object or list that a text holds as JSON; undefined if it holds none. */
export function decoded(s: Side): Side | undefined {
  if (absent(s)) return none
  if (typeof s.value !== 'string' || s.value.length > maxDecoded || !/^\s*[[{]/.test(s.value)) return undefined
  try {
    return { value: JSON.parse(s.value) as unknown }
  } catch {
    return undefined
  }
}

/** show is a value in the words of the configuration language, in one line. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.map(show).join(', ')}]`
  if (isObject(value)) {
    const parts = Object.entries(value).map(([k, v]) => `${k} = ${show(v)}`)
    return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
  }
  return JSON.stringify(value)
}
