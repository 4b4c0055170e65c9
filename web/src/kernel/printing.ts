import { useSyncExternalStore } from 'react'

const onPaper = typeof window.matchMedia === 'function' ? window.matchMedia('print') : undefined
let asked = false

function subscribe(tell: () => void) {
  const begin = () => {
    asked = true
    tell()
  }
  const end = () => {
    asked = false
    tell()
  }
  window.addEventListener('beforeprint', begin)
  window.addEventListener('afterprint', end)
  onPaper?.addEventListener('change', tell)
  return () => {
    window.removeEventListener('beforeprint', begin)
    window.removeEventListener('afterprint', end)
    onPaper?.removeEventListener('change', tell)
  }
}

/** usePrinting tells whether the page is being put on paper, where nothing can be scrolled to. */
export function usePrinting(): boolean {
  return useSyncExternalStore(subscribe, () => asked || (onPaper?.matches ?? false))
}
