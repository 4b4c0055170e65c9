import { createLink, type LinkComponent } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ReactNode, Ref } from 'react'
import { Icon, type IconName } from './Icon'
import { cx } from './classes'

/** Look is how much a button asks to be clicked. */
export type Look = 'primary' | 'normal' | 'quiet' | 'danger'

type Common = { look?: Look; small?: boolean; icon?: IconName; children?: ReactNode }

const looks: Record<Look, string> = {
  primary: 'bg-accent text-accent-fg border-accent hover:bg-accent-strong hover:border-accent-strong font-medium',
  normal: 'bg-surface text-text border-line hover:bg-hover hover:border-line-strong shadow-low',
  quiet: 'bg-transparent text-muted border-transparent hover:bg-hover hover:text-text',
  danger: 'bg-surface text-bad border-line hover:bg-bad-soft hover:border-bad',
}

function classesOf({ look = 'normal', small }: Common, className?: string) {
  return cx(
    'touch inline-flex items-center print:hidden justify-center gap-1.5 rounded-md border whitespace-nowrap select-none transition-colors duration-100',
    'disabled:opacity-55 disabled:pointer-events-none aria-disabled:opacity-55 aria-disabled:pointer-events-none',
    small ? 'h-7 px-2 text-sm max-sm:px-3' : 'h-8 px-3',
    looks[look],
    className,
  )
}

type ButtonProps = Common & ButtonHTMLAttributes<HTMLButtonElement> & { busy?: boolean; ref?: Ref<HTMLButtonElement> }

/** Button does something. busy shows that it is being done, and keeps it from being done twice; who has pressed it stays there. */
export function Button({ look, small, icon, busy, children, className, disabled, type = 'button', onClick, ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={classesOf({ ...(look && { look }), ...(small && { small }) }, className)}
      disabled={disabled}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={(e) => (busy ? e.preventDefault() : onClick?.(e))}
      {...rest}
    >
      {busy ? <Spinner /> : icon && <Icon name={icon} />}
      {children}
    </button>
  )
}

type IconButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { icon: IconName; label: string; small?: boolean; ref?: Ref<HTMLButtonElement> }

/** IconButton is a button whose label is read out and shown when the pointer rests. */
export function IconButton({ icon, label, small, className, type = 'button', ...rest }: IconButtonProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={cx('inline-flex items-center justify-center rounded-md text-muted print:hidden hover:bg-hover hover:text-text disabled:opacity-50', small ? 'relative size-7 max-sm:after:absolute max-sm:after:-inset-x-1 max-sm:after:-inset-y-1.5' : 'size-8 max-sm:size-10', className)}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  )
}

type AnchorProps = Common & AnchorHTMLAttributes<HTMLAnchorElement> & { ref?: Ref<HTMLAnchorElement> }

function Anchor({ look, small, icon, children, className, ...rest }: AnchorProps) {
  return (
    <a className={classesOf({ ...(look && { look }), ...(small && { small }) }, className)} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  )
}

const Created = createLink(Anchor)

/** LinkButton leads somewhere and looks like a button. */
export const LinkButton: LinkComponent<typeof Anchor> = (props) => <Created {...props} />

/** Spinner turns while something is done. */
export function Spinner({ className }: { className?: string }) {
  return (
    <svg width="14" height="14" viewBox="0 0 16 16" className={cx('animate-spin shrink-0', className)} aria-hidden="true">
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="2" opacity="0.25" />
      <path d="M8 2a6 6 0 0 1 6 6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </svg>
  )
}
