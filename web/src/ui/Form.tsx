// Forms that send one change: in a dialog, or in a panel.
import type { ReactNode } from 'react'
import type { useDraft } from '~/kernel/draft'
import { fieldsOf } from '~/kernel/problem'
import { Button, type Look } from './Button'
import { Actions, Dialog } from './Dialog'
import { Failure, Notice } from './Failure'
import type { IconName } from './Icon'

type Change = { mutate: (v: undefined, options?: { onSuccess?: () => void }) => void; isPending: boolean; error: unknown }

type Props = {
  change: Change
  action: string
  look?: Look
  icon?: IconName
  /** The fields that show their own messages; messages for others are shown above the button. */
  shows?: readonly string[]
  disabled?: boolean
  /** Where others may change the same meanwhile: what is typed, and how the fields are called. */
  draft?: Pick<ReturnType<typeof useDraft>, 'conflicts' | 'reset' | 'sent'>
  names?: Readonly<Record<string, string>>
  children: ReactNode
  onCancel?: () => void
}

/** Form holds fields and a button that sends them. */
export function Form({ change, action, look = 'primary', icon, shows = [], disabled, draft, names, children, onCancel }: Props) {
  const fields = Object.keys(fieldsOf(change.error))
  const shown = fields.length > 0 && fields.every((f) => shows.includes(f))
  return (
    <form
      className="space-y-4"
      onSubmit={(e) => {
        e.preventDefault()
        change.mutate(undefined, draft && { onSuccess: draft.sent() })
      }}
    >
      {children}
      {draft && draft.conflicts.length > 0 && !change.isPending && <Conflict draft={draft} names={names ?? {}} />}
      {change.error !== null && change.error !== undefined && !shown && <Failure error={change.error} />}
      <Actions className="in-disabled:hidden">
        {onCancel && <Button onClick={onCancel}>{action.startsWith('Cancel') ? 'Back' : 'Cancel'}</Button>}
        <Button type="submit" look={look} icon={icon} busy={change.isPending} disabled={disabled}>{action}</Button>
      </Actions>
    </form>
  )
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
