import { messageOf } from '~/kernel/problem'
import { store, useStore } from '~/kernel/store'
import { noteShown, onUntold } from '~/kernel/untold'
import { IconButton } from './Button'
import { Icon } from './Icon'
import { cx } from './classes'

type Message = { id: number; tone: 'ok' | 'bad'; text: string }

const messages = store<readonly Message[]>([])
let last = 0

function dismiss(id: number) {
  messages.set(messages.get().filter((m) => m.id !== id))
}

/** toast says for a moment that something is done. */
export function toast(text: string) {
  add('ok', text, 4000)
}

/** toastError says what went wrong where no form can show it. */
export function toastError(err: unknown) {
  noteShown(err)
  add('bad', messageOf(err), 9000)
}

onUntold(toastError)

function add(tone: Message['tone'], text: string, ms: number) {
  const id = ++last
  messages.set([...messages.get().slice(-3), { id, tone, text }])
  setTimeout(() => dismiss(id), ms)
}

/** Toasts is where they appear; the shell has it once. */
export function Toasts() {
  const list = useStore(messages)
  return (
    <div data-screen-only aria-live="polite" className="pointer-events-none fixed right-4 bottom-4 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2">
      {list.map((m) => (
        <div key={m.id} role={m.tone === 'bad' ? 'alert' : 'status'} className="pointer-events-auto flex appear items-start gap-2.5 rounded-lg border border-line bg-raised p-3 shadow-high">
          <Icon name={m.tone === 'ok' ? 'check' : 'warning'} className={cx('mt-0.5', m.tone === 'ok' ? 'text-ok' : 'text-bad')} />
          <span className="min-w-0 flex-1 wrap-anywhere">{m.text}</span>
          <IconButton icon="cross" label="Dismiss" small className="-m-1" onClick={() => dismiss(m.id)} />
        </div>
      ))}
    </div>
  )
}
