import { useLayoutEffect, useRef, useState, type ReactNode } from 'react'
import { cx } from './classes'

type Props = {
  className?: string
  /** Only where the window is narrower than that, and columns are one below the other. */
  below?: 'lg' | 'xl'
  children: ReactNode
}

const unseen = { always: 'unseen-below', lg: 'max-lg:unseen-below', xl: 'max-xl:unseen-below' }

/**
 * InOrder shows its parts from the top when it is opened: what is below one that is still
 * being loaded waits unseen until its place is known, so nothing moves. Once all have come,
 * each may load again where it is. A skeleton in an element with data-waits holds up nothing.
 */
export function InOrder({ className, below, children }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const [arriving, setArriving] = useState(true)
  useLayoutEffect(() => {
    const el = box.current
    if (!el) return
    const look = () => {
      if (el.querySelector('.skeleton:not([data-waits] *)')) return
      seen.disconnect()
      setArriving(false)
    }
    const seen = new MutationObserver(look)
    seen.observe(el, { childList: true, subtree: true })
    look()
    return () => seen.disconnect()
  }, [])
  return <div ref={box} className={cx(className, arriving && unseen[below ?? 'always'])}>{children}</div>
}
