// Words of site administrators: HTML that the server has cleaned. It is drawn element by element,
// from a list of those that may be, so that it could do no harm if it came uncleaned.
import { createElement, type ReactNode } from 'react'
import { useSite } from '~/kernel/site'
import { cx } from './classes'

const allowed = new Set(['p', 'div', 'span', 'br', 'hr', 'strong', 'b', 'em', 'i', 'u', 'small', 'code', 'pre', 'ul', 'ol', 'li', 'blockquote', 'h2', 'h3', 'h4'])
const looks: Record<string, string> = { ul: 'list-disc pl-5', ol: 'list-decimal pl-5', code: 'font-mono', pre: 'overflow-x-auto font-mono', blockquote: 'border-l-2 border-line pl-3', h2: 'text-lg', h3: 'font-semibold', h4: 'font-semibold' }
const address = /^(https?:\/\/|mailto:|\/(?!\/)|#)/

/** Words shows HTML. */
export function Words({ html, className }: { html: string; className?: string }) {
  const parsed = new DOMParser().parseFromString(html, 'text/html')
  return <div className={cx('wrap-anywhere', className)}>{nodes(parsed.body)}</div>
}

function nodes(parent: Node): ReactNode[] {
  return [...parent.childNodes].map((n, i) => node(n, i))
}

function node(n: Node, key: number): ReactNode {
  if (n.nodeType === Node.TEXT_NODE) return n.textContent
  if (!(n instanceof Element)) return null
  const name = n.localName
  if (name === 'br' || name === 'hr') return createElement(name, { key })
  if (name === 'a') {
    const href = n.getAttribute('href') ?? ''
    if (!address.test(href)) return nodes(n)
    return <a key={key} href={href} className="text-accent underline underline-offset-2">{nodes(n)}</a>
  }
  return allowed.has(name) ? createElement(name, { key, className: looks[name] }, ...nodes(n)) : null
}

/** Help is what administrators say to who meets an error, and whom to write to. */
export function Help() {
  const site = useSite()
  if (!site?.error && !site?.['support-email-address']) return null
  return (
    <div className="space-y-2">
      {site.error && <Words html={site.error} />}
      {site['support-email-address'] && <p>Help: <a href={`mailto:${site['support-email-address']}`} className="text-accent underline underline-offset-2">{site['support-email-address']}</a></p>}
    </div>
  )
}
