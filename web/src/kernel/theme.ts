// Light or dark: what the system has, unless the user wants otherwise. The choice is a
// cookie, so that the server writes it into the page before anything is painted.
import { store, useStore } from './store'

/** Theme is what the user wants. */
export type Theme = 'system' | 'light' | 'dark'

const cookie = 'plumbline-theme'
const theme = store(current())

function current(): Theme {
  const set = typeof document === 'undefined' ? undefined : document.documentElement.dataset.theme
  return set === 'light' || set === 'dark' ? set : 'system'
}

/** setTheme changes the theme here and now, and remembers it. */
export function setTheme(wanted: Theme) {
  const root = document.documentElement
  const secure = window.location.protocol === 'https:' ? ';Secure' : ''
  if (wanted === 'system') {
    delete root.dataset.theme
    document.cookie = `${cookie}=;Path=/;Max-Age=0;SameSite=Lax${secure}`
  } else {
    root.dataset.theme = wanted
    document.cookie = `${cookie}=${wanted};Path=/;Max-Age=31536000;SameSite=Lax${secure}`
  }
  theme.set(wanted)
}

/** useTheme is the theme that is wanted. */
export function useTheme(): Theme {
  return useStore(theme)
}
