// The text of a log as lines to show: it grows by pieces that end anywhere, is read by
// line number, and is searched. It holds 100,000 lines and more, so a line is no more
// than a string until it is looked at.
import { plain, strip, styleAfter, type Style } from './ansi'
import { readable, type Severity } from './structured'

/** Line is a line of a log. */
export interface Line {
  readonly text: string
  /** how it begins; what lines before it left */
  readonly style: Style
  readonly severity?: Severity
}

/** maxShown is how much of a line is shown, in characters. */
export const maxShown = 20_000

const stx = '\u0002'
const etx = '\u0003'

/** LogStore is a log. It tells its listeners when it has changed. */
export class LogStore {
  private lines: string[] = []
  /** styles of the lines that do not begin plain */
  private styles = new Map<number, Style>()
  private severities = new Map<number, Severity>()
  private style: Style = plain
  private half = ''
  private begun = false
  private ended = false
  private listeners = new Set<() => void>()
  private changes = 0

  /** length is the number of lines, the unfinished one included. */
  get length(): number {
    return this.lines.length + (this.half === '' ? 0 : 1)
  }

  /** complete is whether no more text comes. */
  get complete(): boolean {
    return this.ended
  }

  /** version is another one after each change. */
  get version(): number {
    return this.changes
  }

  /** append adds a piece of text. The marks of beginning and end are no text. */
  append(piece: string): void {
    if (piece === '') return
    let text = piece
    if (!this.begun) {
      this.begun = true
      if (text.startsWith(stx)) text = text.slice(1)
    }
    if (text.endsWith(etx)) {
      text = text.slice(0, -1)
      this.ended = true
    }
    const parts = (this.half + text).split('\n')
    this.half = parts.pop() ?? ''
    for (const part of parts) this.push(part)
    if (this.ended) this.finish()
    this.changed()
  }

  /** end says that no more text comes. */
  end(): void {
    if (this.ended && this.half === '') return
    this.ended = true
    this.finish()
    this.changed()
  }

  /** reset forgets all text: it comes again from the beginning. */
  reset(): void {
    this.lines = []
    this.styles.clear()
    this.severities.clear()
    this.style = plain
    this.half = ''
    this.begun = this.ended = false
    this.changed()
  }

  /** line returns a line by its index, from 0. */
  line(index: number): Line {
    const text = index < this.lines.length ? (this.lines[index] ?? '') : overwritten(this.half)
    const style = index < this.lines.length ? (this.styles.get(index) ?? plain) : this.style
    const severity = this.severities.get(index)
    return severity === undefined ? { text, style } : { text, style, severity }
  }

  /** text returns all lines as people read them. */
  text(): string {
    const out = this.lines.map(strip)
    if (this.half !== '') out.push(strip(overwritten(this.half)))
    return out.join('\n')
  }

  /** search returns the indexes of the lines before until that have the words, in any case, up to a limit. */
  search(words: string, until = this.length, limit = 10_000): number[] {
    const found: number[] = []
    const wanted = words.toLowerCase()
    if (wanted === '') return found
    for (let i = 0; i < until && found.length < limit; i++) {
      const raw = i < this.lines.length ? (this.lines[i] ?? '') : this.half
      if (strip(raw).toLowerCase().includes(wanted)) found.push(i)
    }
    return found
  }

  /** problems returns the indexes of the lines at which errors begin. */
  problems(): number[] {
    const found: number[] = []
    for (const [index, severity] of this.severities) {
      if (severity === 'error' && this.severities.get(index - 1) !== 'error') found.push(index)
    }
    return found
  }

  /** subscribe calls a listener after each change, until the function that it returns is called. */
  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private changed(): void {
    this.changes++
    for (const listener of this.listeners) listener()
  }

  private finish(): void {
    if (this.half !== '') {
      const last = this.half
      this.half = ''
      this.push(last)
    }
  }

  /** push adds a line as it came; one of JSON is several to read, or none. */
  private push(raw: string): void {
    const said = raw.startsWith('{') ? readable(raw) : undefined
    if (said === undefined) {
      this.add(overwritten(raw))
      return
    }
    for (const text of said.lines) this.add(text, said.severity)
  }

  private add(text: string, severity?: Severity): void {
    const index = this.lines.length
    this.lines.push(text)
    if (this.style !== plain) this.styles.set(index, this.style)
    const marked = severity ?? boxed(text, this.severities.get(index - 1))
    if (marked !== undefined) this.severities.set(index, marked)
    this.style = styleAfter(text, this.style)
  }
}

/** overwritten is what is left of a line after its carriage returns, as on a terminal. */
function overwritten(line: string): string {
  if (!line.includes('\r')) return line
  const parts = line.replace(/\r+$/, '').split('\r')
  return parts[parts.length - 1] ?? ''
}

/** boxed is the severity of a line of a message that an engine has drawn a box around. */
function boxed(text: string, before: Severity | undefined): Severity | undefined {
  const c = text.charAt(0)
  if (c !== '╷' && c !== '│' && c !== '╵' && c !== '\u001b' && !text.startsWith('Error:')) return undefined
  const shown = strip(text)
  if (/^(│ )?Error: /.test(shown)) return 'error'
  if (/^(│ )?Warning: /.test(shown)) return 'warning'
  return /^[│╵]/.test(shown) ? before : undefined
}
