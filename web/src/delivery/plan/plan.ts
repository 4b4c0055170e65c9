// A plan as people read it: resources that change, with what becomes of each, and how
// many of each kind; what was found to have drifted; and outputs that change.
import { compare, compareOne, type Node } from '~/kernel/diff/model'
import type { ChangeDocument, Document, ResourceDocument } from './document'
import { shapeOf } from './shape'

/** Action is what becomes of a resource. */
export type Action = 'create' | 'update' | 'replace' | 'delete' | 'read' | 'forget' | 'move' | 'import' | 'none'

/** Change is what becomes of one resource instance. */
export interface Change {
  readonly address: string
  readonly module: string
  readonly type: string
  readonly name: string
  readonly provider: string
  readonly data: boolean
  readonly action: Action
  /** the new one is made before the old one is destroyed */
  readonly createFirst: boolean
  readonly previousAddress?: string
  readonly importing?: string
  readonly deposed?: string
  /** it is put off to a later run: why, in words, or "" */
  readonly deferred?: string
  /** it lives only while the engine runs */
  readonly ephemeral: boolean
  /** why, in words */
  readonly reason?: string
  readonly generatedConfig?: string
  /** nodes compares its attributes; it is work, so it is done for what is looked at */
  readonly nodes: () => readonly Node[]
}

/** OutputChange is what becomes of an output. */
export interface OutputChange {
  readonly name: string
  readonly action: Action
  readonly node: Node
}

/** Counts says how many resources are imported, added, changed, destroyed and so on. */
export type Counts = Readonly<Record<Action, number>>

/** Plan is a plan to look at. */
export interface Plan {
  readonly changes: readonly Change[]
  readonly drift: readonly Change[]
  readonly outputs: readonly OutputChange[]
  readonly counts: Counts
}

/** read makes a plan of the document of the server. Resources that stay as they are are left out. */
export function read(doc: Document): Plan {
  const put = (doc.deferred_changes ?? []).flatMap((d) => (d.resource_change ? [{ ...changeOf(doc, d.resource_change), deferred: deferrals[d.reason ?? ''] ?? '' }] : []))
  const changes = [...(doc.resource_changes ?? []).map((r) => changeOf(doc, r)).filter((c) => c.action !== 'none'), ...put]
  const drift = (doc.resource_drift ?? []).map((r) => changeOf(doc, r)).filter((c) => c.action !== 'none')
  const outputs = Object.entries(doc.output_changes ?? {})
    .map(([name, c]) => outputOf(name, c))
    .filter((o) => o.action !== 'none')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return { changes: changes.sort(byAddress), drift: drift.sort(byAddress), outputs, counts: countsOf(changes) }
}

function changeOf(doc: Document, r: ResourceDocument): Change {
  const actions = r.change.actions
  return {
    address: r.address,
    module: r.module_address ?? '',
    type: r.type,
    name: r.name,
    provider: r.provider_name ?? '',
    data: r.mode === 'data',
    ephemeral: r.mode === 'ephemeral',
    action: actionOf(r),
    createFirst: actions[0] === 'create' && actions.length === 2,
    ...(r.previous_address !== undefined && r.previous_address !== r.address ? { previousAddress: r.previous_address } : {}),
    ...(r.change.importing === undefined ? {} : { importing: r.change.importing.id ?? '' }),
    ...(r.deposed === undefined ? {} : { deposed: r.deposed }),
    ...(reasons[r.action_reason ?? ''] === undefined ? {} : { reason: reasons[r.action_reason ?? ''] }),
    ...(r.change.generated_config === undefined ? {} : { generatedConfig: r.change.generated_config }),
    nodes: once(() => compare(sideBefore(r.change), sideAfter(r.change), shapeOf(doc, r), r.change.replace_paths)),
  }
}

function sideBefore(c: ChangeDocument) {
  return { value: c.before, sensitive: c.before_sensitive }
}

function sideAfter(c: ChangeDocument) {
  return { value: c.after, sensitive: c.after_sensitive, unknown: c.after_unknown }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

function actionOf(r: ResourceDocument): Action {
  const action = plainAction(r.change.actions)
  if (action !== 'none') return action
  if (r.change.importing !== undefined) return 'import'
  return r.previous_address !== undefined && r.previous_address !== r.address ? 'move' : 'none'
}

function plainAction(actions: readonly string[]): Action {
  if (actions.length === 2) return actions.includes('forget') ? 'forget' : 'replace'
  switch (actions[0]) {
    case 'create':
    case 'update':
    case 'delete':
    case 'read':
    case 'forget':
      return actions[0]
    case 'open':
    case 'renew':
    case 'close':
      return 'read' // of ephemeral resources
    default:
      return 'none'
  }
}

function outputOf(name: string, c: ChangeDocument): OutputChange {
  return { name, action: plainAction(c.actions), node: compareOne(name, sideBefore(c), sideAfter(c)) }
}

/** reasons of actions in words (JSON output format, "action_reason"). */
const reasons: Readonly<Record<string, string>> = {
  replace_because_tainted: 'it is tainted',
  replace_because_cannot_update: 'a change cannot be made in place',
  replace_by_request: 'somebody asked for it',
  replace_by_triggers: 'what triggers its replacement changes',
  delete_because_no_resource_config: 'it is not in the configuration any more',
  delete_because_no_module: 'its module is not in the configuration any more',
  delete_because_wrong_repetition: 'count or for_each was added or removed',
  delete_because_count_index: 'its index is beyond count',
  delete_because_each_key: 'its key is not in for_each any more',
  delete_because_no_move_target: 'it was moved to what is not in the configuration',
  delete_because_enabled_false: 'it is not enabled any more',
  read_because_config_unknown: 'its configuration has values that are not known yet',
  read_because_dependency_pending: 'what it depends on changes',
  read_because_check_nested: 'a check reads it',
}

/** deferrals are why changes are put off, in words ("deferred_changes", "reason"). */
const deferrals: Readonly<Record<string, string>> = {
  instance_count_unknown: 'how many there will be is not known yet',
  resource_config_unknown: 'its configuration has values that are not known yet',
  provider_config_unknown: 'the configuration of its provider is not known yet',
  deferred_prereq: 'what it depends on is put off',
  absent_prereq: 'what it depends on is not there yet',
}

/** countsOf counts changes by action; an import or a move that also changes something counts for both. */
function countsOf(changes: readonly Change[]): Counts {
  const counts: Record<Action, number> = { create: 0, update: 0, replace: 0, delete: 0, read: 0, forget: 0, move: 0, import: 0, none: 0 }
  for (const c of changes) {
    counts[c.action]++
    if (c.importing !== undefined && c.action !== 'import') counts.import++
    if (c.previousAddress !== undefined && c.action !== 'move') counts.move++
  }
  return counts
}

function byAddress(a: Change, b: Change): number {
  return a.module === b.module ? collator.compare(a.address, b.address) : collator.compare(a.module, b.module)
}

const collator = new Intl.Collator('en', { numeric: true })

/** find returns the changes with one of the actions (all if there are none) and all of the words in their address. */
export function find(changes: readonly Change[], actions: ReadonlySet<Action>, words: string): Change[] {
  const wanted = words
    .toLowerCase()
    .split(/\s+/)
    .filter((w) => w !== '')
  return changes.filter((c) => {
    const address = `${c.address} ${c.previousAddress ?? ''}`.toLowerCase()
    return has(c, actions) && wanted.every((w) => address.includes(w))
  })
}

function has(c: Change, actions: ReadonlySet<Action>): boolean {
  if (actions.size === 0 || actions.has(c.action)) return true
  return (actions.has('import') && c.importing !== undefined) || (actions.has('move') && c.previousAddress !== undefined)
}
