// Markdown as blocks: the parts of CommonMark and of GitHub's tables that READMEs use.
// HTML is not interpreted: tags are left out, and comments, as tools write them, too.
import { parse as inline, type Inline } from './inline'

/** Block is a part of a document. */
export type Block =
  | { kind: 'heading'; level: number; id: string; children: Inline[] }
  | { kind: 'paragraph'; children: Inline[] }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'list'; ordered: boolean; start: number; items: Block[][] }
  | { kind: 'quote'; children: Block[] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] }
  | { kind: 'rule' }

/** maxText is how much of a text is read, in characters. */
export const maxText = 300_000

const maxDepth = 6

/** parse reads a document. */
export function parse(text: string): Block[] {
  const clean = text.slice(0, maxText).replaceAll('\r\n', '\n').replaceAll('\t', '    ').replace(/<!--[\s\S]*?(-->|$)/g, '')
  return blocks(clean.split('\n'), 0, new Map())
}

type Ids = Map<string, number>

function blocks(lines: string[], depth: number, ids: Ids): Block[] {
  const out: Block[] = []
  let at = 0
  while (at < lines.length) {
    const line = lines[at] ?? ''
    if (line.trim() === '') {
      at++
      continue
    }
    const found = fence(lines, at) ?? heading(lines, at, ids) ?? rule(lines, at) ?? table(lines, at) ?? quote(lines, at, depth, ids) ?? list(lines, at, depth, ids) ?? indented(lines, at) ?? paragraph(lines, at, ids)
    out.push(...found.blocks)
    at = found.next
  }
  return out
}

type Found = { blocks: Block[]; next: number }

function fence(lines: string[], at: number): Found | undefined {
  const m = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/.exec(lines[at] ?? '')
  if (!m) return undefined
  const mark = m[1] ?? '```'
  let next = at + 1
  const text: string[] = []
  while (next < lines.length && !(lines[next] ?? '').trim().startsWith(mark)) text.push(lines[next++] ?? '')
  return { blocks: [{ kind: 'code', language: m[2] ?? '', text: text.join('\n') }], next: next + 1 }
}

function heading(lines: string[], at: number, ids: Ids): Found | undefined {
  const m = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(lines[at] ?? '')
  return m ? { blocks: [headed((m[1] ?? '').length, m[2] ?? '', ids)], next: at + 1 } : undefined
}

/** headed is a heading with an id as GitHub makes it, so that links within a README lead somewhere. */
function headed(level: number, text: string, ids: Ids): Block {
  const children = inline(text)
  const slug = plainText(children).toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replaceAll(/\s/g, '-')
  const n = ids.get(slug) ?? 0
  ids.set(slug, n + 1)
  return { kind: 'heading', level, id: n === 0 ? slug : `${slug}-${n}`, children }
}

/** plainText is what can be read, without its looks. */
export function plainText(list: Inline[]): string {
  return list.map((i) => ('children' in i ? plainText(i.children) : 'text' in i ? i.text : i.kind === 'image' ? i.alt : ' ')).join('')
}

function rule(lines: string[], at: number): Found | undefined {
  return /^ {0,3}([-*_])(\s*\1){2,}\s*$/.test(lines[at] ?? '') ? { blocks: [{ kind: 'rule' }], next: at + 1 } : undefined
}

function table(lines: string[], at: number): Found | undefined {
  const delimiter = lines[at + 1] ?? ''
  if (!(lines[at] ?? '').includes('|') || !/^[\s|:-]+$/.test(delimiter) || !delimiter.includes('-') || !delimiter.includes('|')) return undefined
  const head = cells(lines[at] ?? '')
  let next = at + 2
  const rows: Inline[][][] = []
  while (next < lines.length && (lines[next] ?? '').includes('|')) rows.push(cells(lines[next++] ?? '').slice(0, head.length))
  return { blocks: [{ kind: 'table', head, rows }], next }
}

function cells(line: string): Inline[][] {
  const inner = line.trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '')
  return inner.split(/(?<!\\)\|/).map((c) => inline(c.trim().replaceAll('\\|', '|')))
}

function quote(lines: string[], at: number, depth: number, ids: Ids): Found | undefined {
  if (depth >= maxDepth || !/^ {0,3}>/.test(lines[at] ?? '')) return undefined
  let next = at
  const inner: string[] = []
  while (next < lines.length && /^ {0,3}>/.test(lines[next] ?? '')) inner.push((lines[next++] ?? '').replace(/^ {0,3}> ?/, ''))
  return { blocks: [{ kind: 'quote', children: blocks(inner, depth + 1, ids) }], next }
}

const bullet = /^( {0,7})([-*+]|(\d{1,9})[.)])( {1,4}|$)(.*)$/

function list(lines: string[], at: number, depth: number, ids: Ids): Found | undefined {
  const first = bullet.exec(lines[at] ?? '')
  if (!first || depth >= maxDepth) return undefined
  const margin = (first[1] ?? '').length
  const ordered = first[3] !== undefined
  const items: string[][] = []
  let next = at
  let inside = 0
  for (; next < lines.length; next++) {
    const line = lines[next] ?? ''
    const m = bullet.exec(line)
    if (m && (m[1] ?? '').length < margin + 2 && (m[3] !== undefined) === ordered && (items.length === 0 || (m[1] ?? '').length < inside)) {
      inside = (m[1] ?? '').length + (m[2] ?? '').length + Math.max(1, (m[4] ?? '').length)
      items.push([m[5] ?? ''])
    } else if (line.trim() === '') {
      const after = lines.slice(next + 1).find((l) => l.trim() !== '') ?? ''
      if (indent(after) < inside && !(bullet.exec(after) && indent(after) <= margin + 1)) break
      items.at(-1)?.push('')
    } else if (indent(line) >= inside) {
      items.at(-1)?.push(line.slice(inside))
    } else if ((lines[next - 1] ?? '').trim() !== '' && !/^ {0,3}(#|>|```|~~~)/.test(line) && !m) {
      items.at(-1)?.push(line.trim()) // a paragraph that goes on
    } else {
      break
    }
  }
  return { blocks: [{ kind: 'list', ordered, start: Number(first[3] ?? 1), items: items.map((i) => blocks(i, depth + 1, ids)) }], next }
}

function indent(line: string): number {
  return line.length - line.trimStart().length
}

function indented(lines: string[], at: number): Found | undefined {
  if (!/^ {4}/.test(lines[at] ?? '')) return undefined
  let next = at
  const text: string[] = []
  while (next < lines.length && (/^ {4}/.test(lines[next] ?? '') || (lines[next] ?? '').trim() === '')) text.push((lines[next++] ?? '').slice(4))
  return { blocks: [{ kind: 'code', language: '', text: text.join('\n').trimEnd() }], next }
}

/** begins is what ends a paragraph without an empty line. */
const begins = /^ {0,3}(#{1,6}\s|>|```|~~~|[-*+] |1[.)] )/

function paragraph(lines: string[], at: number, ids: Ids): Found {
  const text: string[] = [lines[at] ?? '']
  let next = at + 1
  while (next < lines.length && (lines[next] ?? '').trim() !== '' && !begins.test(lines[next] ?? '')) {
    const under = /^ {0,3}(=+|-+)\s*$/.exec(lines[next] ?? '')
    if (under) return { blocks: [headed((under[1] ?? '').startsWith('=') ? 1 : 2, text.join(' ').trim(), ids)], next: next + 1 }
    text.push(lines[next++] ?? '')
  }
  const children = inline(text.map((l) => l.trimStart()).join('\n').trimEnd())
  return { blocks: plainText(children).trim() === '' && !children.some((c) => c.kind === 'image' || c.kind === 'link') ? [] : [{ kind: 'paragraph', children }], next }
}
