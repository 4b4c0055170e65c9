// One tab of several does something for all. Where the page is secure, the browser's locks
// say which; else a note in the storage that all tabs of a site share, which its tab renews.

const renewEvery = 2000
const validFor = 6000

/**
 * lead calls start in one of the tabs that ask for the name, and what start returns when it
 * is no longer for this tab to do. The function that lead returns gives up.
 */
export function lead(name: string, start: () => () => void): () => void {
  const key = `plumbline.lead.${name}`
  if (typeof navigator !== 'undefined' && 'locks' in navigator && navigator.locks) return byLock(key, start)
  try {
    localStorage.setItem(`${key}.probe`, '')
    localStorage.removeItem(`${key}.probe`)
    return byNote(key, start)
  } catch {
    return start() // no storage: everyone for themselves
  }
}

function byLock(key: string, start: () => () => void): () => void {
  const stop = new AbortController()
  let release: () => void = () => undefined
  const until = new Promise<void>((resolve) => (release = resolve))
  void navigator.locks
    .request(key, { signal: stop.signal }, async () => {
      if (stop.signal.aborted) return
      const end = start()
      await until
      end()
    })
    .catch(() => undefined) // given up while it waited
  return () => {
    release()
    stop.abort()
  }
}

type Note = { tab: string; until: number }

/** byNote may make two tabs lead for a moment; what they do bears that. */
function byNote(key: string, start: () => () => void): () => void {
  const tab = Math.random().toString(36).slice(2)
  let end: (() => void) | undefined
  const read = (): Note | undefined => {
    try {
      return JSON.parse(localStorage.getItem(key) ?? '') as Note
    } catch {
      return undefined
    }
  }
  function look() {
    const note = read()
    if (note && note.tab !== tab && note.until > Date.now()) {
      end?.()
      end = undefined
      return
    }
    localStorage.setItem(key, JSON.stringify({ tab, until: Date.now() + validFor } satisfies Note))
    end ??= start()
  }
  function leave() {
    end?.()
    end = undefined
    if (read()?.tab === tab) localStorage.removeItem(key)
  }
  const timer = setInterval(look, renewEvery)
  const onStorage = (e: StorageEvent) => e.key === key && look()
  window.addEventListener('storage', onStorage)
  window.addEventListener('pagehide', leave)
  look()
  return () => {
    clearInterval(timer)
    window.removeEventListener('storage', onStorage)
    window.removeEventListener('pagehide', leave)
    leave()
  }
}
