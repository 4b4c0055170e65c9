// Where the focus goes when what has it disappears: a row that is deleted, a button that is
// of no use any more. Without this, who goes by keys would begin at the top of the page again.

type Place = { element: HTMLElement; /** From the inside out, with what stands beside. */ around: { of: Element; next: Element | null; before: Element | null }[] }

const controls = 'a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex="0"]'

function placeOf(element: HTMLElement): Place {
  const around: Place['around'] = []
  for (let of: Element | null = element; of && of !== document.body; of = of.parentElement) around.push({ of, next: of.nextElementSibling, before: of.previousElementSibling })
  return { element, around }
}

/** nearest is the control that comes closest to a place that is gone: at its side, of the same kind if there is one. */
function nearest({ element, around }: Place): HTMLElement | null {
  const gone = around.findLast(({ of }) => !of.isConnected)
  if (!gone) return null
  const index = [...gone.of.querySelectorAll(controls)].indexOf(element)
  for (const beside of [gone.next, gone.before]) {
    if (!beside?.isConnected) continue
    const all = beside.matches(controls) ? [beside] : [...beside.querySelectorAll(controls)]
    const one = all[index] ?? all[0]
    if (one instanceof HTMLElement && one.getClientRects().length > 0) return one
  }
  return document.getElementById('content')
}

/** keepFocus looks after the focus until the function that it returns is called. */
export function keepFocus(): () => void {
  let last: Place | undefined
  const onFocus = (e: FocusEvent) => (last = e.target instanceof HTMLElement && e.target.closest('main') && !e.target.closest('dialog') ? placeOf(e.target) : undefined)
  // Who clicks beside a control leaves it; what is taken away while it has the focus is not left.
  const onBlur = (e: FocusEvent) => queueMicrotask(() => e.target instanceof Node && e.target.isConnected && last?.element === e.target && document.activeElement === document.body && (last = undefined))
  const seen = new MutationObserver(() => {
    if (!last || last.element.isConnected || document.activeElement !== document.body) return
    const place = last
    last = undefined
    nearest(place)?.focus({ preventScroll: true })
  })
  document.addEventListener('focusin', onFocus)
  document.addEventListener('focusout', onBlur)
  seen.observe(document.body, { childList: true, subtree: true })
  return () => {
    document.removeEventListener('focusin', onFocus)
    document.removeEventListener('focusout', onBlur)
    seen.disconnect()
  }
}
