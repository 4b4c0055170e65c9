// Forms that send one change: in a dialog, or in a panel.
import { useEffect, useRef, useState, type ReactNode } from 'react'
import type { useDraft } from '~/kernel/draft'
import { faultsOf } from '~/kernel/problem'
import { useShown } from '~/kernel/untold'
import { Button, type Look } from './Button'
import { Actions, Dialog } from './Dialog'
import { Failure, Notice } from './Failure'
import { SaysContext } from './Field'
import type { IconName } from './Icon'

type Change = { mutate: (v: undefined, options?: { onSuccess?: () => void }) => void; isPending: boolean; error: unknown }

type Props = {
  change: Change
  action: string
  look?: Look | undefined
  icon?: IconName
  disabled?: boolean | undefined
  /** Where others may change the same meanwhile: what is typed, and how the fields are called. */
  draft?: Pick<ReturnType<typeof useDraft>, 'conflicts' | 'reset' | 'sent'>
  names?: Readonly<Record<string, string>>
  children: ReactNode
  /** What stands beside the buttons. */
  beside?: ReactNode
  back?: string
  className?: string
  onCancel?: () => void
}

/** Form holds fields and a button that sends them. What is wrong is said at the field that it is about; the rest, and what is about no field that is there, above the button. */
export function Form({ change, action, look = 'primary', icon, disabled, draft, names, children, beside, back, className = 'space-y-4', onCancel }: Props) {
  const { isPending } = change
  const [old] = useState(change.error) // of what was tried before the dialog was opened again
  const error = change.error === old ? undefined : change.error
  const { ref, said, says } = useFaults(error)
  const failed = error !== null && error !== undefined
  return (
    <form
      ref={ref}
      className={className}
      onInvalidCapture={(e) => e.target instanceof HTMLElement && unfold(e.target)}
      onSubmit={(e) => {
        e.preventDefault()
        if (!isPending && !disabled) change.mutate(undefined, draft && { onSuccess: draft.sent() })
      }}
    >
      <SaysContext value={says}>{children}</SaysContext>
      {draft && draft.conflicts.length > 0 && !isPending && <Conflict draft={draft} names={names ?? {}} />}
      {failed && !faultsOf(error).every((f) => said.includes(f.text)) && <Failure error={error} but={said} className="mt-4" />}
      {isPending && <Waiting />}
      <Actions className="in-disabled:hidden">
        {beside}
        {onCancel && <Button onClick={onCancel}>{back ?? (action.startsWith('Cancel') ? 'Back' : 'Cancel')}</Button>}
        <Button type="submit" look={look} icon={icon} busy={isPending} disabled={disabled}>{action}</Button>
      </Actions>
    </form>
  )
}

/** useFaults is what the fields of a form say is wrong, and leads to the first of them, or to what is said above the button. */
function useFaults(error: unknown) {
  const ref = useRef<HTMLFormElement>(null)
  const [said, setSaid] = useState<readonly string[]>([])
  const [says] = useState(() => (text: string) => {
    setSaid((was) => [...was, text])
    return () => setSaid((was) => was.toSpliced(was.indexOf(text), 1))
  })
  useShown(error)
  useEffect(() => {
    const form = ref.current
    if (error === null || error === undefined || !form) return
    const fields = [...form.querySelectorAll<HTMLElement>('[aria-invalid=true]')]
    fields.forEach(unfold)
    if (document.activeElement !== document.body && !form.contains(document.activeElement)) return // the user is at something else
    if (fields[0]) fields[0].focus()
    else form.querySelector('[role=alert]')?.scrollIntoView({ block: 'nearest' })
  }, [error])
  return { ref, said, says }
}

/** unfold opens what hides a field. */
function unfold(field: HTMLElement) {
  for (let fold = field.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null) fold.open = true
}

/** slow is after how long a person wonders whether anything happens, in ms. */
const slow = 8000

function Waiting() {
  const [long, setLong] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), slow)
    return () => clearTimeout(timer)
  }, [])
  return long && <Notice icon="clock" role="status" className="mt-4">The server has not answered yet. You can wait, or go on elsewhere: you are told if it fails.</Notice>
}

function Conflict({ draft, names }: { draft: NonNullable<Props['draft']>; names: Readonly<Record<string, string>> }) {
  return (
    <Notice tone="warn" icon="warning" role="status">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <span>Somebody else has changed this since you began: {draft.conflicts.map((c) => names[c] ?? c.replaceAll('-', ' ')).join(', ')}. What you save takes its place.</span>
        <Button small onClick={draft.reset}>Take theirs</Button>
      </div>
    </Notice>
  )
}

/** FormDialog is a Form in a dialog of its own. */
export function FormDialog({ title, wide, onClose, ...form }: Omit<Props, 'onCancel'> & { title: string; wide?: boolean; onClose: () => void }) {
  return (
    <Dialog title={title} wide={wide} onClose={onClose}>
      <Form {...form} onCancel={onClose} />
    </Dialog>
  )
}
