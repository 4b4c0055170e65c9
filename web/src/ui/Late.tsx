import { useEffect, useEffectEvent, useRef, useState } from 'react'
import { Input, SearchInput } from './Field'

type Props = { label: string; value: string | undefined; plain?: boolean; className?: string; onChange: (v: string | undefined) => void }

/** pause is how long the typing must rest, in ms. */
const pause = 250

/** Late is a field that filters a list: its text counts when the typing pauses. What else changes the value shows in it at once. */
export function Late({ label, value = '', plain, className, onChange }: Props) {
  const [text, setText] = useState(value)
  const told = useRef(value)
  const tell = useEffectEvent((t: string) => {
    told.current = t
    onChange(t || undefined)
  })
  useEffect(() => {
    if (value === told.current) return // its own words come back, and more may have been typed since
    told.current = value
    setText(value)
  }, [value])
  useEffect(() => {
    if (text === told.current) return
    const timer = setTimeout(() => tell(text), pause)
    return () => clearTimeout(timer)
  }, [text])
  if (plain) return <Input aria-label={label} placeholder={label} className={className} value={text} onChange={(e) => setText(e.target.value)} />
  return <SearchInput label={label} className={className ?? ''} value={text} onChange={(e) => setText(e.target.value)} />
}
