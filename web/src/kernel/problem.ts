// What goes wrong with a request, as a screen can show it.
import { unanswered } from './health'

type Wire = { status?: string; title?: string; detail?: string; source?: { pointer?: string; parameter?: string } }

/** Problem is an answer that is an error, or no answer at all (status 0). */
export class Problem extends Error {
  readonly status: number
  /** The server has said no more than what the status means. */
  readonly wordless: boolean
  /** Messages by the field of the form that they are about, such as "name". */
  readonly fields: Record<string, string>

  constructor(status: number, errors: Wire[], fallback: string) {
    const about = errors.map((e) => [fieldOf(e), e.detail ?? e.title ?? fallback] as const)
    super(about.map(([, text]) => text).join(' ') || fallback)
    this.name = 'Problem'
    this.status = status
    this.wordless = errors.every((e) => !e.detail)
    this.fields = Object.fromEntries(about.filter(([field]) => field !== ''))
  }
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
  return new Problem(res.status, errors, explanation(res.status))
}

/** explanation is what there is to say about a status when the server says nothing. */
export function explanation(status: number): string {
  if (status === 0) return 'The server cannot be reached. Nothing that you typed is lost: try again when it is back.'
  if (status === 401) return 'You are not logged in any more.'
  if (status === 403) return 'You may not do that.'
  if (status === 404) return 'This does not exist, or you may not see it.'
  if (status === 429) return 'Too many requests. Wait a moment.'
  return `The server could not do that (${status}). Its log says why.`
}

/** messageOf is the text to show for anything that was thrown. */
export function messageOf(err: unknown): string {
  if (err instanceof Problem && err.wordless && [401, 403, 404, 429].includes(err.status)) return explanation(err.status)
  return err instanceof Error ? err.message : String(err)
}

/** fieldsOf are the messages for fields of a form; the rest of err is for above the form. */
export function fieldsOf(err: unknown): Record<string, string> {
  return err instanceof Problem ? err.fields : {}
}

/** isPassing reports whether the same request may get an answer later: the server is away or busy. */
export function isPassing(err: unknown): boolean {
  return err instanceof Problem && (err.status === 0 || err.status === 429 || (unanswered.includes(err.status) && err.wordless))
}

/** isMissing is whether something is not there, or not for the user to see. */
export function isMissing(err: unknown): boolean {
  return err instanceof Problem && err.status === 404
}
