// Turns the output of terminal programs into pieces of text with a style: only SGR
// ("Select Graphic Rendition", ECMA-48 §8.3.117) means something here. Whatever else a
// program sends to a terminal (cursor moves, titles, hyperlinks, control characters) is
// left out, so that no log can draw over another line or hide what it says.

/** Style is how a piece of text looks. Colours are 0–15 of the palette, or "#rrggbb". */
export interface Style {
  readonly fg?: number | string | undefined
  readonly bg?: number | string | undefined
  readonly bold?: boolean
  readonly dim?: boolean
  readonly italic?: boolean
  readonly underline?: boolean
  readonly strike?: boolean
  readonly inverse?: boolean
}

/** Span is a piece of text of one style. */
export interface Span {
  readonly text: string
  readonly style: Style
}

/** plain is the style of text that no sequence has changed. */
export const plain: Style = Object.freeze({})

const esc = '\u001b'

/**
 * sequences are: CSI with its parameters, OSC/DCS/APC/PM/SOS strings with their end (or
 * none, then up to the end of the line), and two-character escapes.
 */
// oxlint-disable-next-line no-control-regex
const sequences = /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])?|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g

/** invisible are control characters, and those that change the direction of text. */
// oxlint-disable-next-line no-control-regex
const invisible = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** needsWork is whether text has anything that is not simply shown. */
// oxlint-disable-next-line no-control-regex
const needsWork = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/

/** parse returns the spans of a line that begins in a style, and the style after it. */
export function parse(line: string, start: Style = plain): { spans: Span[]; end: Style } {
  if (!needsWork.test(line)) {
    return { spans: line === '' ? [] : [{ text: line, style: start }], end: start }
  }
  const spans: Span[] = []
  const add = (text: string, style: Style) => {
    const shown = text.replace(invisible, '')
    if (shown !== '') {
      spans.push({ text: shown, style })
    }
  }
  let style = start
  let from = 0
  for (const found of line.matchAll(sequences)) {
    add(line.slice(from, found.index), style)
    from = found.index + found[0].length
    if (found[2] === 'm') {
      style = restyle(style, found[1] ?? '')
    }
  }
  add(line.slice(from), style)
  return { spans, end: style }
}

/** strip is the text of a line as people read it. */
export function strip(line: string): string {
  return needsWork.test(line) ? line.replace(sequences, '').replace(invisible, '') : line
}

/** styleAfter is the style that a line leaves, cheaper than parse. */
export function styleAfter(line: string, start: Style): Style {
  if (!line.includes(esc) && !line.includes('\u009b')) {
    return start
  }
  let style = start
  for (const found of line.matchAll(sequences)) {
    if (found[2] === 'm') {
      style = restyle(style, found[1] ?? '')
    }
  }
  return style
}

/** maxParameters is how many numbers of one sequence count; no terminal takes more. */
const maxParameters = 32

/** restyle applies the parameters of one SGR sequence. Those that it does not know change nothing. */
function restyle(style: Style, parameters: string): Style {
  if (/[^0-9;:]/.test(parameters)) {
    return style // private sequences
  }
  const codes = parameters.split(/[;:]/, maxParameters).map((p) => (p === '' ? 0 : Number(p)))
  let next: Style = style
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0
    if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(i + 1))
      i += used
      if (colour !== undefined) {
        next = code === 38 ? { ...next, fg: colour } : { ...next, bg: colour }
      }
      continue
    }
    next = one(next, code)
  }
  return next
}

function one(style: Style, code: number): Style {
  if (code >= 30 && code <= 37) return { ...style, fg: code - 30 }
  if (code >= 90 && code <= 97) return { ...style, fg: code - 90 + 8 }
  if (code >= 40 && code <= 47) return { ...style, bg: code - 40 }
  if (code >= 100 && code <= 107) return { ...style, bg: code - 100 + 8 }
  switch (code) {
    case 0:
      return plain
    case 1:
      return { ...style, bold: true }
    case 2:
      return { ...style, dim: true }
    case 3:
      return { ...style, italic: true }
    case 4:
    case 21:
      return { ...style, underline: true }
    case 7:
      return { ...style, inverse: true }
    case 9:
      return { ...style, strike: true }
    case 22:
      return { ...style, bold: false, dim: false }
    case 23:
      return { ...style, italic: false }
    case 24:
      return { ...style, underline: false }
    case 27:
      return { ...style, inverse: false }
    case 29:
      return { ...style, strike: false }
    case 39:
      return { ...style, fg: undefined }
    case 49:
      return { ...style, bg: undefined }
    default:
      return style
  }
}

/** extended reads a colour of 256 or of all, and says how many numbers it took. */
function extended(rest: number[]): [number | string | undefined, number] {
  const [kind, a = -1, b = -1, c = -1] = rest
  if (kind === 5) {
    return [indexed(a), 2]
  }
  if (kind === 2) {
    return [rgb(a, b, c), 4]
  }
  return [undefined, rest.length]
}

function indexed(n: number): number | string | undefined {
  if (n < 0 || n > 255) return undefined
  if (n < 16) return n
  if (n >= 232) {
    const grey = 8 + (n - 232) * 10
    return rgb(grey, grey, grey)
  }
  const level = (v: number) => (v === 0 ? 0 : 55 + v * 40)
  const cube = n - 16
  return rgb(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6))
}

function rgb(...parts: number[]): string | undefined {
  if (parts.some((p) => !(p >= 0 && p <= 255))) return undefined
  return '#' + parts.map((p) => Math.floor(p).toString(16).padStart(2, '0')).join('')
}
