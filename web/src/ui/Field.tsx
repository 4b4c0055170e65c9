// Forms. A Field joins a label, a control, help and what is wrong with it; the control
// inside gets the ids by which a screen reader joins them too.
import { createContext, useContext, useId, useLayoutEffect, type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, type TextareaHTMLAttributes } from 'react'
import { Icon } from './Icon'
import { cx } from './classes'

type Ids = { control: string; described: string | undefined; invalid: boolean }
const IdsContext = createContext<Ids | undefined>(undefined)

type FieldProps = { label: ReactNode; help?: ReactNode; error?: string | undefined; optional?: boolean; children: ReactNode; className?: string }

/** SaysContext hears what a field of a form says is wrong with it, until the function that it returns is called. */
export const SaysContext = createContext<((text: string) => () => void) | undefined>(undefined)

/** Field is a control with its label, help, and what is wrong with it. */
export function Field({ label, help, error, optional, children, className }: FieldProps) {
  const id = useId()
  const described = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(' ') || undefined
  return (
    <div className={cx('min-w-0', className)}>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
        {optional && <span className="ml-1.5 font-normal text-faint">optional</span>}
      </label>
      <IdsContext value={{ control: id, described, invalid: Boolean(error) }}>{children}</IdsContext>
      {help && <p id={`${id}-help`} className="mt-1 text-sm text-muted">{help}</p>}
      {error && <Wrong id={`${id}-error`} text={error} />}
    </div>
  )
}

/** Wrong is what is wrong with a field, or with a choice that has no one field. */
export function Wrong({ id, text }: { id?: string; text: string }) {
  const says = useContext(SaysContext)
  useLayoutEffect(() => says?.(text), [text, says])
  return (
    <p id={id} role={id ? undefined : 'alert'} className="mt-1 flex items-start gap-1 text-sm text-bad">
      <Icon name="warning" size={14} className="mt-0.5" />
      <span className="min-w-0 wrap-anywhere">{text}</span>
    </p>
  )
}

function useIds() {
  const ids = useContext(IdsContext)
  return ids && { id: ids.control, 'aria-describedby': ids.described, 'aria-invalid': ids.invalid || undefined }
}

// Letters of 16 px keep phones from zooming into a field.
const control = 'w-full rounded-md border border-line-strong bg-surface px-2.5 text-text hover:border-muted disabled:bg-sunken disabled:text-muted aria-invalid:border-bad max-sm:text-lg'

/** Input is a line of text. */
export function Input({ className, ...rest }: InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }) {
  return <input autoComplete="off" spellCheck={false} {...useIds()} className={cx(control, 'touch h-8', className)} {...rest} />
}

/** Textarea is text of several lines. */
export function Textarea({ className, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea spellCheck={false} rows={4} {...useIds()} className={cx(control, 'py-1.5', className)} {...rest} />
}

type FileProps = { label: string; accept?: string; multiple?: boolean; required?: boolean; onFiles: (files: File[]) => void }

/** FileInput takes files, by choosing or dropping. */
export function FileInput({ label, onFiles, ...rest }: FileProps) {
  return (
    <input
      type="file"
      {...useIds()}
      aria-label={label}
      onChange={(e) => onFiles([...(e.target.files ?? [])])}
      className="block w-full rounded-md border border-dashed border-line-strong bg-sunken px-3 py-3 text-sm file:mr-3 file:rounded-md file:border-0 file:bg-accent-soft file:px-3 file:py-1.5 file:font-medium file:text-accent"
      {...rest}
    />
  )
}

/** Select is a choice of one among some. */
export function Select({ className, children, ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <select {...useIds()} className={cx(control, 'touch h-8 pr-1.5 text-ellipsis', className)} {...rest}>
      {children}
    </select>
  )
}

type ChoiceProps = Omit<InputHTMLAttributes<HTMLInputElement>, 'type'> & { label: ReactNode; help?: ReactNode; type?: 'checkbox' | 'radio' }

/** Choice is a check box, or one of several radio buttons, with its label at its side. */
export function Choice({ label, help, type = 'checkbox', className, ...rest }: ChoiceProps) {
  const id = useId()
  return (
    <div className={cx('flex gap-2.5 max-sm:py-1', className)}>
      <input id={id} type={type} aria-describedby={help ? `${id}-help` : undefined} className="mt-0.5 size-4 shrink-0 accent-accent max-sm:mt-0 max-sm:size-5" {...rest} />
      <div className="min-w-0">
        <label htmlFor={id} className="font-medium">{label}</label>
        {help && <p id={`${id}-help`} className="text-sm text-muted">{help}</p>}
      </div>
    </div>
  )
}

/** SearchInput is a field that filters what is below it. */
export function SearchInput({ label, className, ...rest }: InputHTMLAttributes<HTMLInputElement> & { label: string; ref?: Ref<HTMLInputElement> }) {
  return (
    <div className={cx('relative print:hidden', className)}>
      <Icon name="search" className="pointer-events-none absolute inset-y-0 left-2.5 my-auto text-faint" />
      <input type="search" aria-label={label} placeholder={label} autoComplete="off" spellCheck={false} className={cx(control, 'touch h-8 pl-8')} {...rest} />
    </div>
  )
}
