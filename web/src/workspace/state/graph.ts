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
const maxReduced = 2000

/** direct leaves out the edges that follow from others (transitive reduction). Circles stay. */
function direct(needs: ReadonlyMap<string, ReadonlySet<string>>): Edge[] {
  const reach = needs.size > maxReduced ? undefined : reachable(needs)
  const edges: Edge[] = []
  for (const [to, list] of needs) {
    for (const from of list) {
      const indirect =
        reach !== undefined &&
        [...list].some((other) => other !== from && reach.get(other)?.has(from) === true && reach.get(from)?.has(other) !== true)
      if (!indirect) edges.push({ from, to })
    }
  }
  return edges
}

/** reachable is all that each node needs, by way of others too. */
function reachable(needs: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const out = new Map<string, Set<string>>()
  for (const start of needs.keys()) {
    const seen = new Set<string>()
    const todo = [start]
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      const known = at === start ? undefined : out.get(at)
      for (const next of known ?? needs.get(at) ?? []) {
        if (seen.has(next)) continue
        seen.add(next)
        if (known === undefined) todo.push(next)
      }
    }
    out.set(start, seen)
  }
  return out
}
