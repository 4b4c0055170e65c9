// What goes wrong with a request, as a screen can show it.
import { duration } from './formats'
import { unanswered } from './health'

type Wire = { status?: string; title?: string; detail?: string; source?: { pointer?: string; parameter?: string } }

/** Fault is one thing that is wrong; field is the one of the form that it is about, such as "name", or empty. */
export type Fault = { field: string; text: string }

/** Problem is an answer that is an error, or no answer at all (status 0). */
export class Problem extends Error {
  readonly status: number
  /** The server has said no more than what the status means. */
  readonly wordless: boolean
  /** What is wrong: one for each field, and those that are about none. */
  readonly faults: readonly Fault[]
  /** After how many seconds the server wants to be asked again, if it has said so. */
  readonly wait: number | undefined

  constructor(status: number, errors: Wire[] = [], wait?: number) {
    const wordless = errors.every((e) => !e.detail)
    const faults = wordless ? [{ field: '', text: explanation(status) }] : faultsIn(errors)
    super(`${status}: ${sentences(faults.map((f) => f.text))}`) // for the console; a screen shows messageOf
    this.name = 'Problem'
    this.status = status
    this.wordless = wordless
    this.faults = faults
    this.wait = wait
  }
}

/** faultsIn joins what is said about the same field. */
function faultsIn(errors: Wire[]): Fault[] {
  const all = errors.map((e) => ({ field: fieldOf(e), text: e.detail ?? e.title ?? 'Something else is wrong.' }))
  const ofField = (field: string) => sentences(all.filter((f) => f.field === field).map((f) => f.text))
  return all.flatMap((f, at) => (f.field === '' ? [f] : all.findIndex((other) => other.field === f.field) === at ? [{ field: f.field, text: ofField(f.field) }] : []))
}

/** sentences puts texts after each other, each with its full stop. */
function sentences(texts: readonly string[]): string {
  return texts.map((t, at) => (at === texts.length - 1 || /[.!?:;]$/.test(t) ? t : `${t}.`)).join(' ')
}

/** fieldOf is the last part of the pointer: "/data/attributes/name" is about "name". */
function fieldOf(e: Wire): string {
  const pointer = e.source?.pointer?.split('/') ?? []
  const at = pointer.findIndex((part) => part === 'attributes' || part === 'relationships')
  return at < 0 ? '' : (pointer[at + 1] ?? '')
}

/** problemOf reads the answer to a request that failed. */
export async function problemOf(res: Response): Promise<Problem> {
  const text = await res.text().catch(() => '')
  let errors: Wire[] = []
  try {
    const parsed = JSON.parse(text) as { errors?: unknown }
    errors = Array.isArray(parsed.errors) ? (parsed.errors as Wire[]) : []
  } catch {
    // Not every answer is JSON: a proxy's page, say.
  }
  return new Problem(res.status, errors, waitOf(res.headers))
}

/** waitOf reads Retry-After, in seconds or as a date (RFC 9110, 10.2.3), and X-RateLimit-Reset, in seconds. */
export function waitOf(headers: Headers, now = Date.now()): number | undefined {
  const told = headers.get('Retry-After') ?? headers.get('X-RateLimit-Reset')
  if (told === null) return undefined
  const seconds = /^[\d.]+$/.test(told) ? Number(told) : (Date.parse(told) - now) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined
}

/** explanation is what there is to say about a status when the server says nothing, and what to do. */
export function explanation(status: number): string {
  if (status === 0) return 'The server cannot be reached. Nothing that you typed is lost: try again when it is back.'
  if (unanswered.includes(status)) return `The server does not answer (${status}). Nothing that you typed is lost: try again when it is back.`
  return explanations[status] ?? `The server could not do that (${status}). Try again; if it stays so, its log says why.`
}

const explanations: Partial<Record<number, string>> = {
  400: 'The server does not understand this page (400). It may have another version: load the page again.',
  401: 'You are not logged in any more.',
  403: 'You may not do that.',
  404: 'This does not exist, or you may not see it.',
  409: 'Somebody else has changed this meanwhile.',
  412: 'Somebody else has changed this meanwhile.',
  413: 'This is larger than the server, or a proxy before it, takes.',
  422: 'The server does not take this as it is.',
  429: 'Too many requests.',
}

/** messageOf is the text to show for anything that was thrown. */
export function messageOf(err: unknown): string {
  return sentences([...faultsOf(err).map((f) => f.text), ...adviceOf(err)])
}

/** faultsOf are the things that are wrong, one by one. */
export function faultsOf(err: unknown): readonly Fault[] {
  return err instanceof Problem ? err.faults : [{ field: '', text: err instanceof Error ? err.message : String(err) }]
}

/** fieldsOf are the messages for fields of a form, by their names. */
export function fieldsOf(err: unknown): Record<string, string> {
  return err instanceof Problem ? Object.fromEntries(err.faults.filter((f) => f.field !== '').map((f) => [f.field, f.text])) : {}
}

/** adviceOf is what to do about it, where the status says that. */
export function adviceOf(err: unknown): string[] {
  if (!(err instanceof Problem)) return []
  if (err.status === 429) return [err.wait === undefined || err.wait <= 1 ? 'Try again in a moment.' : `Try again in ${duration(Math.ceil(err.wait))}.`]
  if (err.status === 409 || err.status === 412) return ['Look at how it is now, and try again if that is still what you want.']
  return []
}

/** isPassing reports whether the same request may get an answer later: the server is away or busy. */
export function isPassing(err: unknown): boolean {
  return err instanceof Problem && (err.status === 0 || err.status === 429 || (unanswered.includes(err.status) && err.wordless))
}

/** isMissing is whether something is not there, or not for the user to see. */
export function isMissing(err: unknown): boolean {
  return err instanceof Problem && err.status === 404
}
