// The inside of a line of Markdown: code, links, emphasis. HTML stays text.

/** Inline is a part of a line. */
export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong' | 'em' | 'strike'; children: Inline[] }
  | { kind: 'link'; href: string; children: Inline[] }
  | { kind: 'image'; src: string; alt: string }
  | { kind: 'break' }

/** maxNesting is how deep emphasis and links may be inside of each other. */
const maxNesting = 8

type Rule = { pattern: RegExp; make: (m: RegExpExecArray, depth: number) => Inline[] }

const rules: Rule[] = [
  { pattern: /^\\([!-/:-@[-`{-~])/, make: (m) => [{ kind: 'text', text: m[1] ?? '' }] },
  { pattern: /^(`+)(?!`)([\s\S]*?[^`])\1(?!`)/, make: (m) => [{ kind: 'code', text: (m[2] ?? '').replace(/\s+/g, ' ').replace(/^ (.*) $/, '$1') }] },
  { pattern: /^!\[([^\]\n]{0,500})\]\((\S{1,2000}?)(?:\s+"[^"\n]*")?\)/, make: (m) => [{ kind: 'image', alt: m[1] ?? '', src: m[2] ?? '' }] },
  { pattern: /^\[((?:!\[[^\]\n]{0,500}\]\([^)\s]{1,2000}\)|\\.|[^\][\\\n]){1,1000})\]\((\S{1,2000}?)(?:\s+"[^"\n]*")?\)/, make: (m, depth) => [linked(m[2] ?? '', parse(m[1] ?? '', depth))] },
  { pattern: /^<(https?:\/\/[^\s<>]{1,2000})>/, make: (m) => [linked(m[1] ?? '', [{ kind: 'text', text: m[1] ?? '' }])] },
  { pattern: /^https?:\/\/[^\s<>()`*]{1,2000}[^\s<>()`*.,:;!?'"]/, make: (m) => [linked(m[0], [{ kind: 'text', text: m[0] }])] },
  { pattern: /^<br\s*\/?>/i, make: () => [{ kind: 'break' }] },
  { pattern: /^<\/?[a-z][^<>\n]{0,500}>/i, make: () => [] }, // tags say nothing here; what is between them does
  { pattern: /^(?: {2,}|\\)\n/, make: () => [{ kind: 'break' }] },
  { pattern: /^(\*\*|__)(?=\S)([\s\S]{0,2000}?\S)\1/, make: (m, depth) => [{ kind: 'strong', children: parse(m[2] ?? '', depth) }] },
  { pattern: /^~~(?=\S)([\s\S]{0,2000}?\S)~~/, make: (m, depth) => [{ kind: 'strike', children: parse(m[1] ?? '', depth) }] },
  { pattern: /^\*(?=[^\s*])([\s\S]{0,2000}?[^\s*])\*(?!\*)/, make: (m, depth) => [{ kind: 'em', children: parse(m[1] ?? '', depth) }] },
  { pattern: /^_(?=[^\s_])([^_]{0,2000}[^\s_])_(?![0-9a-z])/i, make: (m, depth) => [{ kind: 'em', children: parse(m[1] ?? '', depth) }] },
]

/** special are the characters at which something other than text may begin. */
const special = /[\\`![<h *_~]/

/** parse takes a text apart. */
export function parse(text: string, depth = 0): Inline[] {
  if (depth >= maxNesting) return [{ kind: 'text', text }]
  const out: Inline[] = []
  let plain = ''
  const flush = () => {
    if (plain !== '') out.push({ kind: 'text', text: plain })
    plain = ''
  }
  for (let at = 0; at < text.length; ) {
    const c = text.charAt(at)
    const found = special.test(c) ? first(text, at, depth) : undefined
    if (found === undefined) {
      plain += c
      at++
      continue
    }
    flush()
    out.push(...found.nodes)
    at += found.length
  }
  flush()
  return out
}

/** ahead is how much of a text one rule may look at. */
const ahead = 4500

function first(text: string, at: number, depth: number): { nodes: Inline[]; length: number } | undefined {
  if (/[_h]/.test(text.charAt(at)) && /[0-9a-z]/i.test(text.charAt(at - 1))) return undefined // within a word
  const rest = text.slice(at, at + ahead)
  for (const { pattern, make } of rules) {
    const m = pattern.exec(rest)
    if (m) return { nodes: make(m, depth + 1), length: m[0].length }
  }
  return undefined
}

/** linked is a link, if it leads to a page of the web or a place of this page; else only its text. */
function linked(href: string, children: Inline[]): Inline {
  const to = href.replace(/\\([!-/:-@[-`{-~])/g, '$1')
  return /^(https?:\/\/|#)/i.test(to) ? { kind: 'link', href: to, children } : { kind: 'em', children }
}
