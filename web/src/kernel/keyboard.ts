// Keyboard shortcuts and the commands of the palette. A screen adds its own while it is
// open: useCommands([{ id, title, keys: "g w", run }]).
import { useEffect } from 'react'
import { store, useStore } from './store'

/** Command is something that can be done from here, by name or by keys. */
export type Command = {
  id: string
  title: string
  /** What else to find it by. */
  words?: string
  /** Where it belongs in the palette and the list of shortcuts. */
  group?: string
  /** "g w" is g, then w; "mod+k" is Ctrl-K, on a Mac ⌘-K. */
  keys?: string
  run: () => void
}

const commands = store<readonly Command[]>([])

/** useCommands adds commands while the component is mounted. Give it a stable list (useMemo). */
export function useCommands(list: readonly Command[]) {
  useEffect(() => {
    commands.set([...commands.get(), ...list])
    return () => commands.set(commands.get().filter((c) => !list.includes(c)))
  }, [list])
}

/** useAllCommands are those of everything that is mounted. */
export function useAllCommands(): readonly Command[] {
  return useStore(commands)
}

const isMac = typeof navigator !== 'undefined' && /Mac|iP(hone|ad)/.test(navigator.platform)

/** keyNames are the keys of a shortcut as they are printed on the keyboard. */
export function keyNames(keys: string): string[] {
  return keys.split(/[ +]/).map((k) => (k === 'mod' ? (isMac ? '⌘' : 'Ctrl') : k.length === 1 ? k.toUpperCase() : k))
}

/** pressed is the name of a key press: "g", "?", "mod+k". */
export function pressed(e: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): string {
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key
  return (isMac ? e.metaKey : e.ctrlKey) ? `mod+${key}` : e.altKey || e.metaKey || e.ctrlKey ? '' : key
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/** listen runs commands by their keys until the function that it returns is called. */
export function listen(): () => void {
  let first = ''
  let timer: ReturnType<typeof setTimeout> | undefined
  function onKey(e: KeyboardEvent) {
    const key = pressed(e)
    if (key === '' || e.defaultPrevented || (typing(e.target) && !key.startsWith('mod+'))) return
    const inDialog = document.querySelector('dialog[open]') !== null
    if (inDialog && !key.startsWith('mod+')) return
    const both = first ? `${first} ${key}` : key
    const all = commands.get()
    const found = all.findLast((c) => c.keys === both) ?? all.findLast((c) => c.keys === key)
    clearTimeout(timer)
    first = ''
    if (found) {
      e.preventDefault()
      found.run()
      return
    }
    if (all.some((c) => c.keys?.startsWith(`${key} `))) {
      first = key
      timer = setTimeout(() => (first = ''), 1200)
    }
  }
  document.addEventListener('keydown', onKey)
  return () => document.removeEventListener('keydown', onKey)
}
