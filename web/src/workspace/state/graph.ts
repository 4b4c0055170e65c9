// The resources of a state as a graph of what depends on what.
//
// Engines write into a state every resource that one depends on, also those that it
// depends on by way of others. Only the direct ones are drawn: the rest follows from them.
import type { State } from './file'

/** Graph is what depends on what. */
export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly Edge[]
  /** modules were drawn as one node each, because there is too much to draw */
  readonly folded: boolean
}

/** GraphNode is a resource, or a module that is folded. */
export interface GraphNode {
  readonly id: string
  readonly kind: 'resource' | 'data' | 'module'
  readonly label: string
  readonly type: string
  readonly module: string
  /** how many instances there are of a resource, or resources in a module */
  readonly count: number
}

/** Edge goes from what is depended on to what depends on it. */
export interface Edge {
  readonly from: string
  readonly to: string
}

/** maxNodes is how many nodes are drawn before modules are folded. */
export const maxNodes = 400

/** graphOf draws a state, or the resources of one module of it and what is inside. */
export function graphOf(state: State, within = ''): Graph {
  const all = resourcesOf(state, within)
  const fold = all.size > maxNodes
  const idOf = (resource: string) => {
    const found = all.get(resource)
    if (found === undefined) return undefined
    return fold && found.module !== within ? outer(found.module, within) : resource
  }
  const nodes = new Map<string, GraphNode>()
  const needs = new Map<string, Set<string>>()
  for (const [resource, r] of all) {
    const id = idOf(resource) ?? resource
    const known = nodes.get(id)
    nodes.set(id, id === resource ? r : folded(id, known, within))
    const of = needs.get(id) ?? new Set()
    for (const d of r.dependencies) {
      const other = idOf(d)
      if (other !== undefined && other !== id) of.add(other)
    }
    needs.set(id, of)
  }
  return { nodes: [...nodes.values()].map(bare), edges: direct(needs), folded: fold }
}

interface Found extends GraphNode {
  readonly dependencies: readonly string[]
}

function resourcesOf(state: State, within: string): Map<string, Found> {
  const all = new Map<string, Found>()
  for (const i of state.resources) {
    if (within !== '' && i.module !== within && !i.module.startsWith(within + '.')) continue
    const known = all.get(i.resource)
    all.set(i.resource, {
      id: i.resource,
      kind: i.data ? 'data' : 'resource',
      label: i.name,
      type: i.type,
      module: i.module,
      count: (known?.count ?? 0) + 1,
      dependencies: [...(known?.dependencies ?? []), ...i.dependencies],
    })
  }
  return all
}

function bare({ id, kind, label, type, module, count }: GraphNode): GraphNode {
  return { id, kind, label, type, module, count }
}

function folded(id: string, known: GraphNode | undefined, within: string): GraphNode {
  return { id, kind: 'module', label: within === '' ? id : id.slice(within.length + 1), type: 'module', module: id, count: (known?.count ?? 0) + 1 }
}

/** outer is the outermost module below within that a module is in. */
function outer(module: string, within: string): string {
  const rest = within === '' ? module : module.slice(within.length + 1)
  const name = /^module\.[^.[]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?/.exec(rest)?.[0] ?? rest
  return within === '' ? name : `${within}.${name}`
}

/** maxReduced is the size of the largest graph of which indirect edges are taken out. */
const maxReduced = 5000

/** direct leaves out the edges that follow from others (transitive reduction). Circles stay. */
function direct(needs: ReadonlyMap<string, ReadonlySet<string>>): Edge[] {
  const reach = needs.size > maxReduced ? undefined : new Reach(needs)
  const edges: Edge[] = []
  for (const [to, list] of needs) {
    const far = reach?.ofAll(list)
    for (const from of list) {
      if (reach === undefined || far === undefined || !reach.has(far, from) || reach.inCircle(from)) edges.push({ from, to })
    }
  }
  return edges
}

/** Reach knows all that each node needs, by way of others too: a bit for each node. */
class Reach {
  private readonly index: Map<string, number>
  private readonly bits: (Uint32Array | undefined)[]

  constructor(needs: ReadonlyMap<string, ReadonlySet<string>>) {
    this.index = new Map([...needs.keys()].map((id, i) => [id, i]))
    this.bits = Array.from({ length: needs.size })
    for (const id of innermostFirst(needs)) this.add(id, needs.get(id) ?? new Set())
  }

  private add(id: string, list: ReadonlySet<string>): void {
    const row = this.ofAll(list)
    for (const other of list) {
      const at = this.at(other)
      row[at >> 5] = (row[at >> 5] ?? 0) | (1 << (at & 31))
    }
    this.bits[this.at(id)] = row
  }

  private at(id: string): number {
    return this.index.get(id) ?? 0
  }

  /** ofAll is what the nodes of a list need, without themselves. */
  ofAll(list: ReadonlySet<string>): Uint32Array {
    const row = new Uint32Array(Math.ceil(this.index.size / 32))
    for (const id of list) {
      const more = this.bits[this.at(id)]
      if (more !== undefined) for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) | (more[i] ?? 0)
    }
    return row
  }

  has(row: Uint32Array, id: string): boolean {
    return ((row[this.at(id) >> 5] ?? 0) & (1 << (this.at(id) & 31))) !== 0
  }

  /** inCircle is whether a node needs itself by way of others. */
  inCircle(id: string): boolean {
    const row = this.bits[this.at(id)]
    return row !== undefined && this.has(row, id)
  }
}

/** innermostFirst orders nodes so that each comes after all that it needs, but for circles. */
function innermostFirst(needs: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const out: string[] = []
  const seen = new Set<string>()
  for (const start of needs.keys()) {
    const todo: { id: string; left: boolean }[] = [{ id: start, left: false }]
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      if (at.left) {
        out.push(at.id)
      } else if (!seen.has(at.id)) {
        seen.add(at.id)
        todo.push({ id: at.id, left: true })
        for (const next of needs.get(at.id) ?? []) if (!seen.has(next)) todo.push({ id: next, left: false })
      }
    }
  }
  return out
}
