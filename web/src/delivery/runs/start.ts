// What a run can be started with, as the API takes it.

/** Kind is what a run does. */
export type Kind = 'apply' | 'plan' | 'save' | 'refresh' | 'destroy'

/** Draft is what a person has chosen so far; texts are those of the fields. */
export interface Draft {
  readonly kind: Kind
  readonly message: string
  readonly targets: string
  readonly replaces: string
  readonly actions: string
  readonly variables: string
  readonly version: string
  /** auto is whether it applies by itself: as the workspace says, or as chosen here */
  readonly auto: 'workspace' | 'yes' | 'no'
  readonly refresh: boolean
  readonly empty: boolean
  readonly generate: boolean
  readonly debug: boolean
}

/** blank is a draft of which nothing was chosen yet. */
export const blank: Draft = {
  kind: 'apply', message: '', targets: '', replaces: '', actions: '', variables: '', version: '', auto: 'workspace', refresh: true, empty: false, generate: false, debug: false,
}

/** kinds are what a person can start, the usual first. */
export const kinds: { kind: Kind; label: string; help: string }[] = [
  { kind: 'apply', label: 'Plan and apply', help: 'Makes what is there as the configuration says.' },
  { kind: 'plan', label: 'Plan only', help: 'Says what would change. It can never be applied, and others need not wait for it.' },
  { kind: 'save', label: 'Save a plan', help: 'Plans at once without the lock of the workspace. It is applied when somebody confirms it, unless the state has changed by then.' },
  { kind: 'refresh', label: 'Refresh only', help: 'Takes over into the state what has changed outside. Changes nothing else.' },
  { kind: 'destroy', label: 'Destroy everything', help: 'Destroys all that this workspace manages.' },
]

/** lines are those of a text that say something. */
export function lines(text: string): string[] {
  return text.split('\n').map((l) => l.trim()).filter((l) => l !== '')
}

/** BadVariable is a line that is no variable. */
export class BadVariable extends Error {
  constructor(line: string) {
    super(`“${line}” is not like name = value.`)
  }
}

/** variablesOf reads lines such as: region = "eu-1". What is no expression of the language is text, and is put in quotes. */
export function variablesOf(text: string): { key: string; value: string }[] {
  return lines(text).map((line) => {
    const m = /^([A-Za-z_][\w-]*)\s*=\s*(.*)$/.exec(line)
    if (!m) throw new BadVariable(line)
    return { key: m[1] ?? '', value: expression(m[2] ?? '') }
  })
}

function expression(value: string): string {
  if (/^(".*"|\[.*\]|\{.*\}|true|false|null|-?\d+(\.\d+)?)$/s.test(value)) return value
  return JSON.stringify(value).replaceAll('${', () => '$${').replaceAll('%{', () => '%%{')
}

/** attributesOf are the attributes of the request; what is left as it is by default is left out. */
export function attributesOf(d: Draft): Record<string, unknown> {
  const lists = { 'target-addrs': lines(d.targets), 'replace-addrs': replaces(d.kind) ? lines(d.replaces) : [], 'invoke-action-addrs': d.kind === 'apply' ? lines(d.actions) : [], variables: variablesOf(d.variables) }
  return {
    ...{ apply: {}, plan: { 'plan-only': true }, save: { 'save-plan': true }, refresh: { 'refresh-only': true }, destroy: { 'is-destroy': true } }[d.kind],
    message: d.message.trim() || 'Started in the UI',
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(d.kind === 'plan' && d.version.trim() !== '' && { 'terraform-version': d.version.trim() }),
    ...(applies(d.kind) && d.auto !== 'workspace' && { 'auto-apply': d.auto === 'yes' }),
    ...(!d.refresh && d.kind !== 'refresh' && { refresh: false }),
    ...(d.empty && d.kind === 'apply' && { 'allow-empty-apply': true }),
    ...(d.generate && replaces(d.kind) && { 'allow-config-generation': true }),
    ...(d.debug && { 'debugging-mode': true }),
  }
}

/** replaces is whether a run of the kind makes resources. */
export function replaces(kind: Kind): boolean {
  return kind === 'apply' || kind === 'plan' || kind === 'save'
}

/** applies is whether a run of the kind may go on by itself. */
export function applies(kind: Kind): boolean {
  return kind === 'apply' || kind === 'refresh' || kind === 'destroy'
}
