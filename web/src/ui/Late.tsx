import { useEffect, useState } from 'react'
import { Input, SearchInput } from './Field'

type Props = { label: string; value: string | undefined; plain?: boolean; className?: string; onChange: (v: string | undefined) => void }

/** Late is a field that filters a list: its text counts when typing pauses. */
export function Late({ label, value, plain, className, onChange }: Props) {
  const [text, setText] = useState(value ?? '')
  useEffect(() => setText(value ?? ''), [value])
  useEffect(() => {
    if (text === (value ?? '')) return
    const timer = setTimeout(() => onChange(text || undefined), 300)
    return () => clearTimeout(timer)
  }, [text, value, onChange])
  if (plain) return <Input aria-label={label} placeholder={label} className={className} value={text} onChange={(e) => setText(e.target.value)} />
  return <SearchInput label={label} className={className ?? ''} value={text} onChange={(e) => setText(e.target.value)} />
}
