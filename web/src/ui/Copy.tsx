import { useEffect, useState, type ReactNode } from 'react'
import { Button, IconButton } from './Button'
import { cx } from './classes'

/** useCopy copies a text, and knows for a moment that it has. */
function useCopy(text: string) {
  const [done, setDone] = useState(false)
  useEffect(() => {
    if (!done) return
    const timer = setTimeout(() => setDone(false), 1500)
    return () => clearTimeout(timer)
  }, [done])
  return { done, start: () => void copy(text).then(() => setDone(true)) }
}

/** CopyText is a button with words that copies a text. */
export function CopyText({ text, children }: { text: string; children: ReactNode }) {
  const { done, start } = useCopy(text)
  return <Button icon={done ? 'check' : 'copy'} onClick={start}>{done ? 'Copied' : children}</Button>
}

/** CopyButton copies a text. */
export function CopyButton({ text, label = 'Copy', className }: { text: string; label?: string; className?: string }) {
  const { done, start } = useCopy(text)
  return (
    <IconButton
      icon={done ? 'check' : 'copy'}
      label={done ? 'Copied' : label}
      small
      className={cx(done && 'text-ok', className)}
      onClick={start}
    />
  )
}

/** copy works also where the page is not served securely, and there is no clipboard API. */
async function copy(text: string) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

/** Code is text of a file or a command, to be copied as it is. */
export function Code({ text, title, className }: { text: string; title?: ReactNode; className?: string }) {
  return (
    <div className={cx('overflow-hidden rounded-md border border-line bg-sunken', className)}>
      {title && (
        <div className="flex h-9 items-center justify-between border-b border-line pr-1 pl-3 text-sm text-muted">
          <span>{title}</span>
          <CopyButton text={text} />
        </div>
      )}
      <div className="flex items-start">
        <pre className="min-w-0 flex-1 overflow-x-auto px-3 py-2.5 font-mono text-sm leading-relaxed" tabIndex={0} aria-label="Code">{text}</pre>
        {!title && <CopyButton text={text} className="m-1.5 shrink-0" />}
      </div>
    </div>
  )
}

/** Id is an id with a way to copy it. */
export function Id({ children }: { children: string }) {
  return (
    <span className="inline-flex items-center gap-0.5">
      <code className="font-mono text-sm break-all text-muted">{children}</code>
      <CopyButton text={children} label={`Copy ${children}`} />
    </span>
  )
}
