import type { ReactNode } from 'react'
import { adviceOf, faultsOf, isMissing, messageOf } from '~/kernel/problem'
import { useShown } from '~/kernel/untold'
import { Button } from './Button'
import { Icon, type IconName } from './Icon'
import { Help } from './Words'
import { cx } from './classes'

type FailureProps = { error: unknown; /** Messages that are shown elsewhere. */ but?: readonly string[]; retry?: () => void; className?: string }

/** Failure says what went wrong, in place, and what to do about it. */
export function Failure({ error, but = [], retry, className }: FailureProps) {
  useShown(error)
  const texts = [...faultsOf(error).map((f) => f.text).filter((t) => !but.includes(t)), ...adviceOf(error)]
  return (
    <Notice tone="bad" icon="warning" className={className} role="alert">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <div className="min-w-0 space-y-1 wrap-anywhere">{texts.map((text) => <p key={text}>{text}</p>)}</div>
        {retry && <Button small icon="refresh" onClick={retry}>Try again</Button>}
      </div>
    </Notice>
  )
}

type NoticeProps = { tone?: 'bad' | 'warn' | 'info' | 'ok'; icon?: IconName; children: ReactNode; className?: string | undefined; role?: 'alert' | 'status' }

const noticeTones = { bad: 'bg-bad-soft text-bad', warn: 'bg-warn-soft text-warn', info: 'bg-info-soft text-info', ok: 'bg-ok-soft text-ok' }

/** Notice is a sentence that should not be missed. */
export function Notice({ tone = 'info', icon = 'info', children, className, role }: NoticeProps) {
  return (
    <div role={role} className={cx('flex gap-2.5 rounded-md border border-transparent px-[11px] py-[9px] contrast-more:border-current', noticeTones[tone], className)}>
      <Icon name={icon} className="mt-0.5" />
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  )
}

type EmptyProps = { icon?: IconName; title: string; children?: ReactNode; actions?: ReactNode; className?: string }

/** Empty says why there is nothing, and what to do about it. */
export function Empty({ icon = 'info', title, children, actions, className }: EmptyProps) {
  return (
    <div data-empty className={cx('flex flex-col items-center px-6 py-14 text-center', className)}>
      <div className="mb-3 flex size-11 items-center justify-center rounded-full bg-accent-soft text-accent">
        <Icon name={icon} size={20} />
      </div>
      <h2 className="text-lg">{title}</h2>
      {children && <div className="mt-1.5 max-w-md space-y-3 text-muted">{children}</div>}
      {actions && <div className="mt-5 flex flex-wrap justify-center gap-2">{actions}</div>}
    </div>
  )
}

function Ways() {
  return (
    <>
      <Button onClick={() => window.history.back()}>Go back</Button>
      <a href="/app/" className="touch inline-flex h-8 items-center rounded-md px-3 text-accent hover:underline">To the start</a>
    </>
  )
}

/** Forbidden is for what the user can know of and may not do. */
export function Forbidden({ error }: { error: unknown }) {
  return (
    <Empty icon="lock" title="You may not see this" actions={<Ways />} className="pt-24">
      <p>{messageOf(error)}</p>
      <p>An owner of the organization can give your team the permission.</p>
      <Help />
    </Empty>
  )
}

/** NotFound is for addresses that lead nowhere, or where the user may not go. */
export function NotFound({ error }: { error?: unknown }) {
  return (
    <Empty
      icon="search"
      title="There is nothing here"
      actions={<Ways />}
      className="pt-24"
    >
      <p>{error && !isMissing(error) ? messageOf(error) : 'It may have been deleted or renamed, or you may not see it. Ask an owner of the organization for access.'}</p>
      <Help />
    </Empty>
  )
}
