import type { ReactNode } from 'react'
import { Icon, type IconName } from './Icon'
import { Spinner } from './Button'
import { cx } from './classes'

/** Tone is what a colour says. */
export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'replace' | 'idle' | 'accent'

const tones: Record<Tone, string> = {
  ok: 'bg-ok-soft text-ok',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  info: 'bg-info-soft text-info',
  replace: 'bg-replace-soft text-replace',
  idle: 'bg-idle-soft text-idle',
  accent: 'bg-accent-soft text-accent',
}

type Props = { tone?: Tone; icon?: IconName; busy?: boolean; children: ReactNode; className?: string; title?: string }

/** Badge is a short word about a thing: its state, its kind. The colour never says it alone. */
export function Badge({ tone = 'idle', icon, busy, children, className, title }: Props) {
  return (
    <span title={title} className={cx('inline-flex h-5.5 items-center gap-1 rounded-full border border-transparent px-[7px] text-xs contrast-more:border-current font-medium whitespace-nowrap', tones[tone], className)}>
      {busy ? <Spinner className="size-3" /> : icon && <Icon name={icon} size={12} />}
      {children}
    </span>
  )
}

/** Tag is a label that people gave a thing. */
export function Tag({ children, onClick, title, className = 'max-w-48' }: { children: ReactNode; onClick?: () => void; title?: string; className?: string }) {
  const look = cx('inline-flex h-5 min-w-0 items-center rounded border border-line bg-surface px-1.5 text-xs text-muted', className)
  const text = <span className="truncate">{children}</span>
  if (!onClick) return <span className={look} title={title}>{text}</span>
  return <button type="button" title={title} onClick={onClick} className={cx(look, 'hover:border-line-strong hover:text-text')}>{text}</button>
}
