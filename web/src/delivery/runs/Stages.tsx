import { useEffect, useState, type ReactNode } from 'react'
import { duration } from '~/kernel/formats'
import { Spinner } from '~/ui/Button'
import { Icon, type IconName } from '~/ui/Icon'
import { cx } from '~/ui/classes'
import { seconds, type Stage, type Standing } from './standing'

const looks: Record<Standing, { icon: IconName; className: string }> = {
  waiting: { icon: 'clock', className: 'bg-idle-soft text-idle' },
  queued: { icon: 'clock', className: 'bg-info-soft text-info' },
  running: { icon: 'run', className: 'bg-info-soft text-info' },
  passed: { icon: 'check', className: 'bg-ok-soft text-ok' },
  failed: { icon: 'cross', className: 'bg-bad-soft text-bad' },
  stopped: { icon: 'stop', className: 'bg-idle-soft text-idle' },
  decision: { icon: 'user', className: 'bg-warn-soft text-warn' },
  skipped: { icon: 'minus', className: 'bg-idle-soft text-faint' },
}

/** Stages is how far a run has got: its stages in a line. */
export function Stages({ stages }: { stages: readonly Stage[] }) {
  const now = useNow(stages.some((s) => s.standing === 'running' || s.standing === 'queued'))
  return (
    <ol aria-label="Stages" className="flex max-sm:flex-col max-sm:gap-3 sm:items-start">
      {stages.map((s, i) => (
        <li key={s.key} data-stage={s.key} data-standing={s.standing} className={cx('flex min-w-0 items-start gap-3', i < stages.length - 1 && 'sm:flex-1')} aria-current={['running', 'queued', 'decision'].includes(s.standing) ? 'step' : undefined}>
          <StageIcon standing={s.standing} />
          <Part of={s}>
            <span className={cx('block font-medium', (s.standing === 'waiting' || s.standing === 'skipped') && 'text-muted')}>{s.title}</span>
            <span className="block text-sm text-muted lg:whitespace-nowrap">{s.says}<Taken stage={s} now={now} /></span>
            {s.waited !== undefined && s.waited >= 1 && <span className="block text-xs text-muted lg:whitespace-nowrap">waited {duration(s.waited)} before</span>}
          </Part>
          {i < stages.length - 1 && <span aria-hidden="true" className="mx-2 mt-4 h-px flex-1 bg-line-strong/40 max-sm:hidden" />}
        </li>
      ))}
    </ol>
  )
}

/** Part leads to the part of the page that tells of a stage, once there is one. */
function Part({ of, children }: { of: Stage; children: ReactNode }) {
  const there = of.key === 'plan' || (of.key === 'apply' && of.standing !== 'waiting' && of.standing !== 'skipped')
  return there ? <a href={`#${of.key}`} className="min-w-0 hover:underline">{children}</a> : <span className="min-w-0">{children}</span>
}

export function StageIcon({ standing, small }: { standing: Standing; small?: boolean }) {
  const { icon, className } = looks[standing]
  return (
    <span className={cx('flex shrink-0 items-center justify-center rounded-full', small ? 'size-6' : 'size-8', className)}>
      {standing === 'running' ? <Spinner /> : <Icon name={icon} size={small ? 13 : 16} />}
    </span>
  )
}

/** Taken is how long a stage has taken; confirming is not work, so its time does not count. */
export function Taken({ stage, now }: { stage: Stage; now: number }) {
  const s = stage.key === 'decision' && stage.standing !== 'decision' ? undefined : seconds(stage, now)
  return s === undefined ? null : <span className="tabular"> · {duration(s)}</span>
}

/** useNow is the time, each second if it is needed. */
export function useNow(ticks: boolean): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    setNow(Date.now())
    if (!ticks) return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [ticks])
  return now
}
