// Light or dark: what the system has, unless the user wants otherwise. The choice is a
// cookie, so that the server writes it into the page before anything is painted.
import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const cookie = 'plumbline-theme'
const watchers = new Set<() => void>()

function current(): Theme {
  const set = document.documentElement.dataset.theme
  return set === 'light' || set === 'dark' ? set : 'system'
}

export function setTheme(theme: Theme) {
  const root = document.documentElement
  const secure = window.location.protocol === 'https:' ? ';Secure' : ''
  if (theme === 'system') {
    delete root.dataset.theme
    document.cookie = `${cookie}=;Path=/;Max-Age=0;SameSite=Lax${secure}`
  } else {
    root.dataset.theme = theme
    document.cookie = `${cookie}=${theme};Path=/;Max-Age=31536000;SameSite=Lax${secure}`
  }
  for (const notify of watchers) notify()
}

export function useTheme(): Theme {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify)
      return () => watchers.delete(notify)
    },
    current,
  )
}

/** colorOf is a token as canvas understands it, such as colorOf("--accent"). */
export function colorOf(token: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${token})`
  probe.hidden = true
  document.body.append(probe)
  const color = getComputedStyle(probe).color
  probe.remove()
  return color
}
