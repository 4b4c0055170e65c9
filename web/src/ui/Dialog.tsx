import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import { Button, IconButton, type Look } from './Button'
import { Field, Input } from './Field'
import { Failure } from './Failure'
import { cx } from './classes'

type Props = { title: string; /** Without it, the dialog is there until what it asks for is done. */ onClose?: () => void; children: ReactNode; wide?: boolean }

/** Dialog asks for something before anything else can be done; Escape leaves it. */
export function Dialog({ title, onClose, children, wide }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    if (dialog && !dialog.open) {
      dialog.showModal()
      firstOf(dialog)?.focus()
    }
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onClose={onClose}
      onCancel={(e) => {
        e.preventDefault()
        onClose?.()
      }}
      className={cx('m-auto max-h-[85vh] scroll-pb-20 w-[calc(100vw-2rem)] appear rounded-lg border border-line bg-raised shadow-high backdrop:bg-black/40', wide ? 'max-w-3xl' : 'max-w-lg')}
    >
      <div className="flex items-center justify-between gap-4 px-5 pt-4 pb-1">
        <h2 id={id} className="text-lg">{title}</h2>
        {onClose && <IconButton icon="cross" label="Close" small onClick={onClose} />}
      </div>
      <div className="px-5 pt-1 pb-5">{children}</div>
    </dialog>
  )
}

/** firstOf is where a dialog begins: its first field, else what it is for; never the button that closes it. */
function firstOf(dialog: HTMLElement): HTMLElement | null {
  return dialog.querySelector<HTMLElement>('input:not([type=checkbox], [type=radio], [type=file]), textarea, select') ?? dialog.querySelector<HTMLElement>('button[type=submit]')
}

/** Actions are the buttons at the end of a form or a dialog. Those of a dialog that scrolls stay in view. */
export function Actions({ children, className }: { children: ReactNode; className?: string }) {
  return <div className={cx('mt-5 flex flex-wrap items-center justify-end gap-2 in-[dialog]:sticky in-[dialog]:bottom-0 in-[dialog]:-mx-5 in-[dialog]:mt-2 in-[dialog]:-mb-5 in-[dialog]:bg-raised in-[dialog]:px-5 in-[dialog]:pt-3 in-[dialog]:pb-5', className)}>{children}</div>
}

type ConfirmProps = {
  title: string
  children: ReactNode
  action: string
  look?: Look
  /** What must be typed before it can be done, for what cannot be undone. */
  typed?: string
  busy?: boolean
  error?: unknown
  onConfirm: () => void
  onClose: () => void
}

/** Confirm asks once more. */
export function Confirm({ title, children, action, look = 'danger', typed, busy, error, onConfirm, onClose }: ConfirmProps) {
  const [text, setText] = useState('')
  const [old] = useState(error) // of something else that was asked before
  const ready = !busy && (typed === undefined || text === typed)
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          if (ready) onConfirm()
        }}
      >
        <div className="space-y-3 text-muted">{children}</div>
        {typed !== undefined && (
          <Field label={<>Type <code className="font-mono text-bad">{typed}</code> to confirm</>} className="mt-4">
            <Input value={text} onChange={(e) => setText(e.target.value)} autoFocus />
          </Field>
        )}
        {error !== undefined && error !== null && error !== old && <Failure error={error} className="mt-4" />}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={look} busy={busy ?? false} disabled={typed !== undefined && text !== typed} autoFocus={typed === undefined}>
            {action}
          </Button>
        </Actions>
      </form>
    </Dialog>
  )
}
