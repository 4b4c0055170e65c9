// What is different between two states: resources and outputs that came, went or changed.
import { compare, compareOne, type Node, type Op } from '~/kernel/diff/model'
import { same } from '~/kernel/diff/values'
import type { Instance, Output, State } from './file'

/** Difference is what is different between two states. */
export interface Difference {
  readonly resources: readonly ResourceDifference[]
  readonly outputs: readonly OutputDifference[]
  /** how many resources are in both as they were */
  readonly unchanged: number
  /** the states are of different infrastructures, not two times of one */
  readonly otherLineage: boolean
}

/** ResourceDifference is a resource instance that came, went or changed. */
export interface ResourceDifference {
  readonly address: string
  readonly op: Exclude<Op, 'same'>
  /** it was not changed in place: it has another id */
  readonly recreated: boolean
  readonly nodes: () => readonly Node[]
}

/** OutputDifference is an output that came, went or changed. */
interface OutputDifference {
  readonly name: string
  readonly op: Exclude<Op, 'same'>
  readonly node: Node
}

/** difference compares two states. */
export function difference(before: State, after: State): Difference {
  const was = new Map(before.resources.map((r) => [r.address, r]))
  const is = new Map(after.resources.map((r) => [r.address, r]))
  const resources: ResourceDifference[] = []
  let unchanged = 0
  for (const address of [...new Set([...was.keys(), ...is.keys()])].sort(collator.compare)) {
    const [b, a] = [was.get(address), is.get(address)]
    const op = opOf(b, a)
    if (op === 'same') {
      unchanged++
      continue
    }
    resources.push({
      address,
      op,
      recreated: op === 'change' && !same(b?.attributes['id'], a?.attributes['id']),
      nodes: () => compare(sideOf(b), sideOf(a)),
    })
  }
  return { resources, outputs: outputsOf(before.outputs, after.outputs), unchanged, otherLineage: before.lineage !== after.lineage }
}

const collator = new Intl.Collator('en', { numeric: true })

function opOf(was: Instance | undefined, is: Instance | undefined): Op {
  if (was === undefined) return 'add'
  if (is === undefined) return 'remove'
  return same(was.attributes, is.attributes) && was.tainted === is.tainted ? 'same' : 'change'
}

function sideOf(i: Instance | undefined) {
  if (i === undefined) return { value: undefined }
  return { value: i.tainted ? { ...i.attributes, '(tainted)': true } : i.attributes, sensitive: i.sensitive }
}

function outputsOf(before: readonly Output[], after: readonly Output[]): OutputDifference[] {
  const was = new Map(before.map((o) => [o.name, o]))
  const is = new Map(after.map((o) => [o.name, o]))
  const out: OutputDifference[] = []
  for (const name of [...new Set([...was.keys(), ...is.keys()])].sort(collator.compare)) {
    const [b, a] = [was.get(name), is.get(name)]
    const node = compareOne(name, { value: b?.value, sensitive: b?.sensitive }, { value: a?.value, sensitive: a?.sensitive })
    if (node.op !== 'same') out.push({ name, op: node.op, node })
  }
  return out
}
