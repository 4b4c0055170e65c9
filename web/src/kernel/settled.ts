import { useEffect, useState } from 'react'

/** useSettled is a text that has not changed for a moment (in ms): what is typed is asked for when the typing pauses. */
export function useSettled(text: string, pause = 250): string {
  const [settled, setSettled] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), pause)
    return () => clearTimeout(timer)
  }, [text, pause])
  return settled
}
