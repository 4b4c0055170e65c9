import { memo, type CSSProperties, type ReactNode } from 'react'
import { cx } from '~/ui/classes'
import { parse, type Span, type Style } from './ansi'
import { maxShown, type Line as Content } from './store'

/** palette are the sixteen colours of terminals in those of the page. */
const palette = [
  'text-faint', 'text-bad', 'text-ok', 'text-warn', 'text-info', 'text-replace', 'text-info', 'text-text',
  'text-muted', 'text-bad', 'text-ok', 'text-warn', 'text-accent', 'text-replace', 'text-info', 'text-text',
]
const backgrounds = ['bg-sunken', 'bg-bad-soft', 'bg-ok-soft', 'bg-warn-soft', 'bg-info-soft', 'bg-replace-soft', 'bg-info-soft', 'bg-idle-soft']

type Props = { content: Content; number: number; anchor: string; wrap: boolean; marked: boolean; words: string; current: boolean }

/** Line is a line of a log with its number, which is a link to it. */
export const Line = memo(function Line({ content, number, anchor, wrap, marked, words, current }: Props) {
  const cut = content.text.length > maxShown
  const { spans } = parse(cut ? content.text.slice(0, maxShown) : content.text, content.style)
  return (
    <div className={cx('flex min-h-5 w-full min-w-fit', marked && 'bg-accent-soft', current && !marked && 'bg-warn-soft', !marked && !current && content.severity === 'error' && 'bg-bad-soft/60', !marked && !current && content.severity === 'warning' && 'bg-warn-soft/60')}>
      <a href={`#${anchor}`} aria-label={`Line ${number}`} tabIndex={-1} className="sticky left-0 w-16 shrink-0 bg-sunken pr-3 text-right text-faint select-none hover:text-accent hover:underline">{number}</a>
      <span dir="ltr" className={cx('pr-4', wrap ? 'min-w-0 flex-1 wrap-anywhere whitespace-pre-wrap' : 'whitespace-pre')}>
        {spans.map((s, i) => <Piece key={i} span={s} words={words} />)}
        {cut && <span className="text-faint"> … {content.text.length - maxShown} more characters</span>}
      </span>
    </div>
  )
})

function Piece({ span, words }: { span: Span; words: string }) {
  const text = words === '' ? span.text : marks(span.text, words)
  const { className, style } = looks(span.style)
  return className === '' && style === undefined ? <>{text}</> : <span className={className} style={style}>{text}</span>
}

function looks(s: Style): { className: string; style: CSSProperties | undefined } {
  const [fg, bg] = s.inverse ? [s.bg ?? 0, s.fg ?? 7] : [s.fg, s.bg]
  const className = cx(
    typeof fg === 'number' && palette[fg], typeof bg === 'number' && backgrounds[bg % 8],
    s.bold && 'font-semibold', s.dim && 'opacity-80', s.italic && 'italic', s.underline && 'underline', s.strike && 'line-through',
  )
  const style: CSSProperties = { ...(typeof fg === 'string' && { color: fg }), ...(typeof bg === 'string' && { backgroundColor: bg }) }
  return { className, style: Object.keys(style).length > 0 ? style : undefined }
}

/** marks puts what was searched for into marks. */
function marks(text: string, words: string): ReactNode {
  const parts: ReactNode[] = []
  const low = text.toLowerCase()
  let from = 0
  for (let at = low.indexOf(words); at >= 0; at = low.indexOf(words, from)) {
    parts.push(text.slice(from, at), <mark key={at} className="rounded-sm bg-warn-soft text-warn outline outline-1 outline-warn">{text.slice(at, at + words.length)}</mark>)
    from = at + words.length
  }
  parts.push(text.slice(from))
  return parts
}
