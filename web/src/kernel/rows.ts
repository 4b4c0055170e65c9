// Going through the rows of a list by keys: j and k, as in many other places.
import { useMemo, type RefObject } from 'react'
import { useCommands } from './keyboard'

/** below is where the first row begins that the top bar does not cover, in px. */
const below = 60

/** useRowKeys moves the focus through what is marked with data-row in the box. */
export function useRowKeys(box: RefObject<HTMLElement | null>) {
  useCommands(
    useMemo(() => {
      const step = (by: number) => {
        const rows = [...(box.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])]
        const at = rows.findIndex((r) => r.contains(document.activeElement))
        const next = at < 0 ? rows.find((r) => r.getBoundingClientRect().top >= below) : rows[at + by]
        const link = next?.querySelector<HTMLElement>('a, button')
        link?.focus({ preventScroll: true })
        next?.scrollIntoView({ block: 'nearest' })
      }
      return [
        { id: 'row-next', title: 'Next in the list', keys: 'j', group: 'List', run: () => step(1) },
        { id: 'row-previous', title: 'Previous in the list', keys: 'k', group: 'List', run: () => step(-1) },
      ]
    }, [box]),
  )
}
