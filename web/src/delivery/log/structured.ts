// Makes lines to read of what engines print with -json ("machine-readable UI"): one JSON
// object a line, whose "@message" is the sentence and whose "type" says what else there is.

/** Severity is what a line warns of. */
export type Severity = 'error' | 'warning'

/** Said is what one JSON line says to people. */
interface Said {
  readonly lines: string[]
  readonly severity?: Severity
}

interface Message {
  readonly '@level'?: unknown
  readonly '@message'?: unknown
  readonly type?: unknown
  readonly diagnostic?: Diagnostic
  readonly change?: Change
  readonly outputs?: Record<string, { action?: string; value?: unknown; sensitive?: boolean }>
  readonly hook?: { elapsed_seconds?: number; output?: string }
}

interface Diagnostic {
  readonly severity?: string
  readonly summary?: string
  readonly detail?: string
  readonly address?: string
  readonly range?: { filename?: string; start?: { line?: number } }
  readonly snippet?: { context?: string | null; code?: string; start_line?: number; values?: { traversal?: string; statement?: string }[] }
}

interface Change {
  readonly action?: string
  readonly reason?: string
  readonly resource?: { addr?: string }
  readonly previous_resource?: { addr?: string }
  readonly importing?: { id?: string }
}

/** readable returns what a line of JSON says, or undefined if it is no such line. */
export function readable(line: string): Said | undefined {
  let m: Message
  try {
    m = JSON.parse(line) as Message
  } catch {
    return undefined
  }
  if (typeof m !== 'object' || m === null || typeof m['@message'] !== 'string') {
    return undefined
  }
  const text = m['@message']
  try {
    return byType(m, text)
  } catch {
    return { lines: split(text) } // parts of it are not of the kind that they should be
  }
}

function byType(m: Message, text: string): Said {
  switch (m.type) {
    case 'diagnostic':
      return diagnostic(m.diagnostic ?? {}, text)
    case 'planned_change':
    case 'resource_drift':
      return { lines: [paint(m.change?.action, (m.type === 'resource_drift' ? 'Drift: ' : '') + changed(m.change, text))] }
    case 'change_summary':
      return { lines: ['', bold + text + reset] }
    case 'outputs':
      return { lines: outputs(m.outputs ?? {}) }
    case 'provision_progress':
      return { lines: split(m.hook?.output ?? text) }
    case 'apply_complete':
    case 'import_complete':
      return { lines: [green + text + reset] }
    case 'apply_errored':
      return { lines: [text], severity: 'error' }
    default:
      return level(m['@level'], text)
  }
}

function level(name: unknown, text: string): Said {
  if (name === 'error') return { lines: split(text), severity: 'error' }
  if (name === 'warn') return { lines: split(text), severity: 'warning' }
  return { lines: split(text) }
}

const reset = '\u001b[0m'
const bold = '\u001b[1m'
const green = '\u001b[32m'

/** colours of actions, by their names in the log. */
const colours: Record<string, string> = {
  create: '\u001b[32m',
  update: '\u001b[33m',
  delete: '\u001b[31m',
  remove: '\u001b[31m',
  replace: '\u001b[33m',
  read: '\u001b[36m',
  import: '\u001b[36m',
  move: '\u001b[35m',
}

/** signs of actions, as engines draw them. */
const signs: Record<string, string> = {
  create: '+',
  update: '~',
  delete: '-',
  remove: '-',
  replace: '±',
  read: '≤',
  import: '←',
  move: '→',
  noop: ' ',
}

function paint(action: string | undefined, text: string): string {
  const colour = colours[action ?? '']
  return colour === undefined ? text : colour + text + reset
}

function changed(c: Change | undefined, text: string): string {
  const address = c?.resource?.addr
  if (c === undefined || address === undefined) return text
  const words = [signs[c.action ?? ''] ?? '?', address]
  if (c.previous_resource?.addr !== undefined) words.push(`(moved from ${c.previous_resource.addr})`)
  if (c.importing?.id !== undefined) words.push(`(import ${c.importing.id})`)
  if (c.reason !== undefined) words.push(`(${c.reason.replaceAll('_', ' ')})`)
  return words.join(' ')
}

function outputs(all: Record<string, { action?: string; value?: unknown; sensitive?: boolean }>): string[] {
  const names = Object.keys(all)
  if (names.length === 0) return []
  const width = Math.min(32, Math.max(...names.map((n) => n.length)))
  const one = (name: string) => {
    const o = all[name]
    const value = o?.sensitive === true ? '(sensitive value)' : o?.value === undefined ? `(${o?.action ?? 'unknown'})` : JSON.stringify(o.value)
    return `  ${name.padEnd(width)} = ${value}`
  }
  return ['', bold + 'Outputs:' + reset, ...names.flatMap((n) => split(one(n)))]
}

/** diagnostic draws an error or warning as engines do without -json. */
function diagnostic(d: Diagnostic, text: string): Said {
  const severity: Severity = d.severity === 'warning' ? 'warning' : 'error'
  const colour = severity === 'error' ? '\u001b[31m' : '\u001b[33m'
  const body = [`${bold}${colour}${severity === 'error' ? 'Error' : 'Warning'}: ${reset}${bold}${d.summary ?? text}${reset}`]
  if (d.address !== undefined || d.range !== undefined) body.push('', ...place(d))
  if (d.detail !== undefined && d.detail !== '') body.push('', ...split(d.detail))
  const bar = colour + '│' + reset + ' '
  return { lines: [colour + '╷' + reset, ...body.map((l) => bar + l), colour + '╵' + reset], severity }
}

function place(d: Diagnostic): string[] {
  const out: string[] = []
  if (d.address !== undefined) out.push(`  with ${d.address},`)
  if (d.range?.filename !== undefined) {
    const inside = d.snippet?.context == null ? '' : `, in ${d.snippet.context}`
    out.push(`  on ${d.range.filename} line ${String(d.range.start?.line ?? 0)}${inside}:`)
  }
  let n = d.snippet?.start_line ?? 0
  for (const code of split(d.snippet?.code ?? '')) {
    if (code !== '') out.push(`  ${String(n).padStart(3)}: ${code}`)
    n++
  }
  for (const v of d.snippet?.values ?? []) out.push(`    ${v.traversal ?? ''} ${v.statement ?? ''}`)
  return out
}

function split(text: string): string[] {
  return text.replace(/\n$/, '').split('\n')
}
