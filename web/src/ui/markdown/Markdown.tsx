import { createElement, useMemo, type ReactNode } from 'react'
import { Code } from '~/ui/Copy'
import { Icon } from '~/ui/Icon'
import { parse, type Block } from './blocks'
import { parse as parseLine, type Inline } from './inline'

/** Markdown shows a text that strangers wrote: no HTML, no images from elsewhere, no addresses but those of pages. */
export function Markdown({ text, level = 2 }: { text: string; level?: number }) {
  const blocks = useMemo(() => parse(text), [text])
  return <div className="max-w-3xl space-y-3.5 leading-relaxed [&_li>p]:my-0">{blocks.map((b, i) => <One key={i} block={b} level={level} />)}</div>
}

/** MarkdownLine shows one line of such a text inside of another, as in a list; its links are words there. */
export function MarkdownLine({ text }: { text: string }) {
  const list = useMemo(() => unlinked(parseLine(text)), [text])
  return <Inlines list={list} />
}

/** unlinked is a line without its links, but with their words. */
function unlinked(list: Inline[]): Inline[] {
  return list.flatMap((i) => (i.kind === 'link' ? unlinked(i.children) : 'children' in i ? [{ ...i, children: unlinked(i.children) }] : [i]))
}

const sizes = ['text-xl', 'text-xl', 'text-lg', 'text-base', 'text-base', 'text-base']

function One({ block: b, level }: { block: Block; level: number }): ReactNode {
  switch (b.kind) {
    case 'heading':
      return createElement(`h${Math.min(6, b.level + level - 1)}`, { id: `readme-${b.id}`, className: `scroll-mt-16 pt-2 ${sizes[b.level - 1] ?? ''}` }, <Inlines list={b.children} />)
    case 'paragraph':
      return <p className="wrap-anywhere"><Inlines list={b.children} /></p>
    case 'code':
      return <Code text={b.text} />
    case 'list':
      return createElement(
        b.ordered ? 'ol' : 'ul',
        { className: `space-y-1 pl-5 ${b.ordered ? 'list-decimal' : 'list-disc'}`, ...(b.ordered && { start: b.start }) },
        b.items.map((item, i) => <li key={i}>{item.map((x, j) => <One key={j} block={x} level={level} />)}</li>),
      )
    case 'quote':
      return <blockquote className="space-y-2 border-l-3 border-line-strong pl-4 text-muted">{b.children.map((x, i) => <One key={i} block={x} level={level} />)}</blockquote>
    case 'table':
      return <Table head={b.head} rows={b.rows} />
    case 'rule':
      return <hr className="border-line" />
  }
}

function Table({ head, rows }: { head: Inline[][]; rows: Inline[][][] }) {
  return (
    <div className="overflow-x-auto rounded-md border border-line" tabIndex={0} role="region" aria-label="Table">
      <table className="w-full border-collapse text-left text-sm">
        <thead><tr className="border-b border-line bg-sunken">{head.map((c, i) => <th key={i} scope="col" className="px-3 py-1.5 font-medium"><Inlines list={c} /></th>)}</tr></thead>
        <tbody>{rows.map((r, i) => <tr key={i} className="border-b border-line last:border-0">{r.map((c, j) => <td key={j} className="px-3 py-1.5 align-top"><Inlines list={c} /></td>)}</tr>)}</tbody>
      </table>
    </div>
  )
}

function Inlines({ list }: { list: Inline[] }) {
  return list.map((i, at) => <Piece key={at} inline={i} />)
}

function Piece({ inline: i }: { inline: Inline }): ReactNode {
  switch (i.kind) {
    case 'text':
      return i.text
    case 'code':
      return <code className="rounded bg-sunken px-1 py-0.5 font-mono text-[0.9em]">{i.text}</code>
    case 'strong':
      return <strong className="font-semibold"><Inlines list={i.children} /></strong>
    case 'em':
      return <em><Inlines list={i.children} /></em>
    case 'strike':
      return <del><Inlines list={i.children} /></del>
    case 'break':
      return <br />
    case 'image': // nothing is fetched from elsewhere
      return i.alt ? <span className="inline-flex items-center gap-1 rounded border border-line px-1.5 text-sm text-muted"><Icon name="eye" size={12} />{i.alt}</span> : null
    case 'link':
      return i.href.startsWith('#')
        ? <a className="text-accent underline underline-offset-2" href={`#readme-${i.href.slice(1)}`}><Inlines list={i.children} /></a>
        : <a className="text-accent underline underline-offset-2" href={i.href} rel="noopener noreferrer nofollow" target="_blank"><Inlines list={i.children} /></a>
  }
}
