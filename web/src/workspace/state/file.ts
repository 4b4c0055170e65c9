// A state file (format 4, as engines write it) as resource instances with addresses.

/** State is what a state file holds. */
export interface State {
  readonly serial: number
  readonly lineage: string
  readonly engine: string
  readonly resources: readonly Instance[]
  readonly outputs: readonly Output[]
}

/** Instance is one instance of a resource. */
export interface Instance {
  readonly address: string
  /** the address without the index: what dependencies name */
  readonly resource: string
  readonly module: string
  readonly type: string
  readonly name: string
  readonly provider: string
  readonly data: boolean
  readonly tainted: boolean
  readonly deposed?: string
  readonly attributes: Readonly<Record<string, unknown>>
  /** marks of sensitive attributes, in the shape of the attributes */
  readonly sensitive: unknown
  readonly dependencies: readonly string[]
}

/** Output is an output of the root module. */
export interface Output {
  readonly name: string
  readonly value: unknown
  readonly type: unknown
  readonly sensitive: boolean
}

interface FileFormat {
  readonly version?: number
  readonly serial?: number
  readonly lineage?: string
  readonly terraform_version?: string
  readonly outputs?: Record<string, { value?: unknown; type?: unknown; sensitive?: boolean }> | null
  readonly resources?: ResourceFormat[] | null
}

interface ResourceFormat {
  readonly module?: string
  readonly mode?: string
  readonly type?: string
  readonly name?: string
  readonly provider?: string
  readonly instances?: InstanceFormat[] | null
}

interface InstanceFormat {
  readonly index_key?: string | number
  readonly status?: string
  readonly deposed?: string
  readonly attributes?: Record<string, unknown> | null
  readonly attributes_flat?: Record<string, unknown> | null
  readonly sensitive_attributes?: unknown
  readonly dependencies?: string[] | null
}

/** UnreadableState is thrown for what is no state of a known format, such as an encrypted one. */
export class UnreadableState extends Error {}

/** read reads a state file. */
export function read(text: string): State {
  let file: FileFormat
  try {
    file = JSON.parse(text) as FileFormat
  } catch {
    throw new UnreadableState('This state is not JSON.')
  }
  if (file.version !== 4) {
    const encrypted = typeof file === 'object' && 'encrypted_data' in file
    throw new UnreadableState(
      encrypted
        ? 'This state was encrypted by its engine; only the engine can read it.'
        : `This state has format ${String(file.version)}; format 4 can be shown.`,
    )
  }
  return {
    serial: file.serial ?? 0,
    lineage: file.lineage ?? '',
    engine: file.terraform_version ?? '',
    resources: (file.resources ?? []).flatMap(instancesOf).sort((a, b) => collator.compare(a.address, b.address)),
    outputs: Object.entries(file.outputs ?? {})
      .map(([name, o]) => ({ name, value: o.value, type: o.type, sensitive: o.sensitive === true }))
      .sort((a, b) => collator.compare(a.name, b.name)),
  }
}

const collator = new Intl.Collator('en', { numeric: true })

function instancesOf(r: ResourceFormat): Instance[] {
  const data = r.mode === 'data'
  const own = `${data ? 'data.' : ''}${r.type ?? ''}.${r.name ?? ''}`
  const resource = r.module === undefined || r.module === '' ? own : `${r.module}.${own}`
  return (r.instances ?? []).map((i) => ({
    address: resource + indexOf(i.index_key) + (i.deposed === undefined ? '' : ` (deposed ${i.deposed})`),
    resource,
    module: r.module ?? '',
    type: r.type ?? '',
    name: r.name ?? '',
    provider: providerOf(r.provider ?? ''),
    data,
    tainted: i.status === 'tainted',
    ...(i.deposed === undefined ? {} : { deposed: i.deposed }),
    attributes: unwrapped(i.attributes ?? i.attributes_flat ?? {}, r.type === 'terraform_data') as Record<string, unknown>,
    sensitive: marksOf(i.sensitive_attributes),
    dependencies: i.dependencies ?? [],
  }))
}

function indexOf(key: string | number | undefined): string {
  return key === undefined ? '' : `[${JSON.stringify(key)}]`
}

/** providerOf is the address of a provider in provider["registry.opentofu.org/hashicorp/null"]. */
function providerOf(text: string): string {
  return /provider\["([^"]*)"\]/.exec(text)?.[1] ?? text
}

/**
 * unwrapped takes values of attributes that have no type of their own out of their
 * wrapping: engines write {"value": …, "type": …} for these, and name the value alone in
 * paths. A type that is a word could as well be an attribute of the provider's own; only
 * of terraform_data it is known that it is not.
 */
function unwrapped(value: unknown, words: boolean): unknown {
  if (Array.isArray(value)) return value.map((v) => unwrapped(v, words))
  if (typeof value !== 'object' || value === null) return value
  const keys = Object.keys(value)
  const wrapped = value as { type?: unknown; value?: unknown }
  if (keys.length === 2 && 'type' in wrapped && 'value' in wrapped && (Array.isArray(wrapped.type) || (words && typeof wrapped.type === 'string'))) {
    return unwrapped(wrapped.value, words)
  }
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, unwrapped(v, words)]))
}

/** marksOf makes marks of paths such as [[{"type": "get_attr", "value": "password"}]]. */
function marksOf(paths: unknown): unknown {
  let marks: unknown
  for (const path of Array.isArray(paths) ? (paths as unknown[]) : []) {
    if (Array.isArray(path)) marks = mark(marks, stepsOf(path as Step[]))
  }
  return marks
}

interface Step {
  readonly type?: string
  readonly value?: unknown
}

/** stepsOf are the keys of a path; what is below a step of an unknown kind is all marked. */
function stepsOf(path: Step[]): (string | number)[] {
  const out: (string | number)[] = []
  for (const step of path) {
    const key =
      step.type === 'index' && typeof step.value === 'object' && step.value !== null ? (step.value as { value?: unknown }).value : step.value
    if (typeof key !== 'string' && typeof key !== 'number') break
    out.push(key)
  }
  return out
}

/** maxIndex is the largest index of a list that is marked one by one; beyond it all of the list is. */
const maxIndex = 10_000

function mark(marks: unknown, [step, ...rest]: (string | number)[]): unknown {
  if (step === undefined || marks === true) return true
  if (typeof step === 'number') {
    if (step < 0 || step > maxIndex) return true
    const list = Array.isArray(marks) ? [...(marks as unknown[])] : []
    list[step] = mark(list[step], rest)
    return list
  }
  const object = typeof marks === 'object' && marks !== null && !Array.isArray(marks) ? (marks as Record<string, unknown>) : {}
  return { ...object, [step]: mark(Object.hasOwn(object, step) ? object[step] : undefined, rest) }
}
