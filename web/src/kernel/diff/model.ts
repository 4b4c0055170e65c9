// Compares two values attribute by attribute, as people read plans: what is added,
// removed or changed, what stays, what is only known after the apply, what is sensitive
// and what forces a replacement. Plans and states are compared by the same code.
import { anchors, matches, textLines, type TextLine } from './sequences'
import { absent, anything, decoded, either, hidden, identity, isObject, isText, member, names, none, same, show, sides, type Side } from './values'

/** Op is what happens to a value. */
export type Op = 'add' | 'remove' | 'change' | 'same'

/** Node is a value, or a part of it, before and after. */
export interface Node {
  /** the name of an attribute or block, the key of a map, or "" for an element of a list */
  readonly key: string
  readonly op: Op
  /** blocks are written as "key {", attributes as "key = …" */
  readonly block: boolean
  /** the values as text, undefined where there is none; absent if there are children or lines */
  readonly before?: string
  readonly after?: string
  readonly sensitive: boolean
  /** what is after is known after the apply only */
  readonly unknown: boolean
  /** the change forces a replacement */
  readonly replaces: boolean
  /** the parts of an object, map, list or block; brackets say of which */
  readonly children?: readonly Node[]
  readonly brackets?: Brackets
  /** of texts with several lines */
  readonly lines?: readonly TextLine[]
}

/** Brackets are those of objects and lists, and of texts that hold these as JSON. */
type Brackets = '{}' | '[]' | 'json{}' | 'json[]'

/** Shape is what a schema says of a value. */
export interface Shape {
  /** the parts of an object that are blocks, by name: their element is what is in one block */
  readonly blocks?: ReadonlyMap<string, Shape>
  /** the attributes of an object of which there is something to say */
  readonly attributes?: ReadonlyMap<string, Shape>
  readonly set?: boolean
  /** of the elements of a list, set or map */
  readonly element?: Shape
}

type Place = readonly (string | number)[]

/** replacing are the paths that force a replacement. */
type Replacing = readonly Place[]

/** maxDepth is how deep values are taken apart; what is below is shown as JSON. */
const maxDepth = 40

/** compare returns the parts of an object: attributes, then blocks, each in the order of their names. */
export function compare(before: Side, after: Side, shape?: Shape, replacing: Replacing = []): Node[] {
  return members(before, after, shape, { replacing, place: [] })
}

/** compareOne compares two values of a name, such as those of an output. */
export function compareOne(key: string, before: Side, after: Side): Node {
  return node(key, before, after, undefined, { replacing: [], place: [] })
}

/** At is where in the whole value a comparison is. */
interface At {
  readonly replacing: Replacing
  readonly place: Place
}

function below(at: At, step: string | number): At {
  return { replacing: at.replacing, place: [...at.place, step] }
}

function members(before: Side, after: Side, shape: Shape | undefined, at: At): Node[] {
  const attributes: Node[] = []
  const blocks: Node[] = []
  for (const name of names(before, after)) {
    const [b, a] = [member(before, name), member(after, name)]
    if (absent(b) && absent(a)) continue
    const block = shape?.blocks?.get(name)
    if (block === undefined) {
      attributes.push(node(name, b, a, shape?.attributes?.get(name), below(at, name)))
    } else {
      blocks.push(...blocksOf(name, b, a, block, below(at, name)))
    }
  }
  return [...attributes, ...blocks]
}

/** blocksOf is one node for each block of a name. */
function blocksOf(name: string, before: Side, after: Side, shape: Shape, at: At): Node[] {
  const whole = hidden(before) || hidden(after) || after.unknown === true
  if (!whole && either(before, after, Array.isArray)) {
    return elements(before, after, shape, at).map((n) => ({ ...n, key: name, block: true }))
  }
  return [{ ...node(name, before, after, shape.element, at), block: true }]
}

function node(key: string, before: Side, after: Side, shape: Shape | undefined, at: At): Node {
  const op = opOf(before, after)
  const base = { key, op, block: false, sensitive: false, unknown: after.unknown === true, replaces: op !== 'same' && replaces(at) }
  if (hidden(before) || hidden(after)) {
    return { ...base, sensitive: true }
  }
  if (base.unknown) {
    return absent(before) ? base : { ...base, before: show(before.value) }
  }
  const parts = at.place.length > maxDepth ? undefined : apart(before, after, shape, at)
  if (parts !== undefined) {
    return { ...base, ...parts }
  }
  return { ...base, ...(absent(before) ? {} : { before: show(before.value) }), ...(absent(after) ? {} : { after: show(after.value) }) }
}

type Parts = Pick<Node, 'children' | 'brackets'> | Pick<Node, 'lines'>

/** apart takes two values apart if both are of one kind, or one is not there. */
function apart(before: Side, after: Side, shape: Shape | undefined, at: At): Parts | undefined {
  if (either(before, after, isObject)) {
    const children = shape?.element === undefined ? members(before, after, shape, at) : entries(before, after, shape.element, at)
    return children.length === 0 ? undefined : { children, brackets: '{}' }
  }
  if (either(before, after, Array.isArray)) {
    const children = elements(before, after, shape, at)
    return children.length === 0 ? undefined : { children, brackets: '[]' }
  }
  return either(before, after, isText) ? (json(before, after, at) ?? text(before, after)) : undefined
}

/** entries compares maps. */
function entries(before: Side, after: Side, element: Shape, at: At): Node[] {
  return names(before, after).map((name) => node(name, member(before, name), member(after, name), element, below(at, name)))
}

/** elements compares lists and sets. */
function elements(before: Side, after: Side, shape: Shape | undefined, at: At): Node[] {
  const [was, is] = [sides(before), sides(after)]
  const [a, b] = [was.map(identity), is.map(identity)]
  const one = (w: Side | undefined, i: Side | undefined, index: number) => node('', w ?? none, i ?? none, shape?.element, below(at, index))
  return shape?.set === true ? inSet(was, is, matches(a, b), one) : inOrder(was, is, anchors(a, b), one)
}

type One = (was: Side | undefined, is: Side | undefined, index: number) => Node

/** inSet: an element is there or not; none becomes another one. */
function inSet(was: readonly Side[], is: readonly Side[], both: readonly (readonly [number, number])[], one: One): Node[] {
  const stays = new Map(both)
  const stayed = new Set(stays.values())
  return [...was.map((w, i) => one(w, stays.has(i) ? w : undefined, i)), ...is.flatMap((v, i) => (stayed.has(i) ? [] : [one(undefined, v, i)]))]
}

/** inOrder: what lies between elements that stay is changed in pairs, the rest comes or goes. */
function inOrder(was: readonly Side[], is: readonly Side[], both: readonly (readonly [number, number])[], one: One): Node[] {
  const out: Node[] = []
  let [i, j] = [0, 0]
  for (const [w, s] of [...both, [was.length, is.length] as const]) {
    while (i < w && j < s) out.push(one(was[i++], is[j], j++))
    for (; i < w; i++) out.push(one(was[i], undefined, i))
    for (; j < s; j++) out.push(one(undefined, is[j], j))
    if (w < was.length) out.push(one(was[w], is[s], s))
    ;[i, j] = [w + 1, s + 1]
  }
  return out
}

/** json compares texts that hold JSON, such as policies. */
function json(before: Side, after: Side, at: At): Parts | undefined {
  const [b, a] = [decoded(before), decoded(after)]
  if (b === undefined || a === undefined) return undefined
  const parts = apart(b, a, undefined, { replacing: [], place: at.place })
  if (parts === undefined || !('children' in parts) || parts.children === undefined) return undefined
  const seen = parts.children.some((n) => n.op !== 'same')
  if (seen === same(before.value, after.value)) return undefined // only its spaces changed
  return { children: parts.children, brackets: parts.brackets === '[]' ? 'json[]' : 'json{}' }
}

function text(before: Side, after: Side): Parts | undefined {
  const [b, a] = [before.value, after.value].map((v) => (typeof v === 'string' ? v : undefined))
  if (!(b ?? '').includes('\n') && !(a ?? '').includes('\n')) return undefined
  const split = (t: string | undefined) => (t === undefined ? [] : t.replace(/\n$/, '').split('\n'))
  return { lines: textLines(split(b), split(a)) }
}

function opOf(before: Side, after: Side): Op {
  const [was, is] = [!absent(before), !absent(after)]
  if (was !== is) return is ? 'add' : 'remove'
  return anything(after.unknown) || !same(before.value, after.value) ? 'change' : 'same'
}

function replaces({ replacing, place }: At): boolean {
  return replacing.some((p) => p.length === place.length && p.every((step, i) => step === place[i]))
}
