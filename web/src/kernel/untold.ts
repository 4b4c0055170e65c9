// Errors of changes that nothing on the page shows: who has closed a dialog while it was
// being sent learns of them all the same.
import { useEffect } from 'react'

const shown = new WeakSet<object>()
let tell: (err: unknown) => void = () => undefined

/** onUntold says how errors are told that nothing shows. */
export function onUntold(how: (err: unknown) => void): void {
  tell = how
}

/** noteShown notes that an error is on the page. */
export function noteShown(err: unknown): void {
  if (typeof err === 'object' && err !== null) shown.add(err)
}

/** useShown is for a component that shows an error. */
export function useShown(err: unknown): void {
  useEffect(() => noteShown(err), [err])
}

/** soon is how long a component has to show an error, in ms. */
const soon = 300

/** tellUnlessShown tells an error if nothing shows it. */
export function tellUnlessShown(err: unknown): void {
  setTimeout(() => {
    if (typeof err !== 'object' || err === null || !shown.has(err)) tell(err)
  }, soon)
}
