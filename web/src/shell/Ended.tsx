// What a page shows whose session has ended while something was typed into it.
import { useEffect, useRef, useState } from 'react'
import { onSession, resume, toLogin } from '~/kernel/ended'
import { useMe } from '~/kernel/session'
import { Button } from '~/ui/Button'
import { Actions, Dialog } from '~/ui/Dialog'

export function Ended() {
  const me = useMe()
  const [asked, setAsked] = useState(false)
  const login = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    login.current?.focus()
    const look = () => void resume(me.id)
    const seen = () => document.visibilityState === 'visible' && look()
    const leave = onSession(look)
    const timer = setInterval(look, 5000)
    window.addEventListener('focus', look)
    document.addEventListener('visibilitychange', seen)
    return () => {
      leave()
      clearInterval(timer)
      window.removeEventListener('focus', look)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [me.id])
  return (
    <Dialog title="Your session has ended">
      <p className="text-muted">Log in again, as {me.attributes.username}: it opens another tab. What you have typed stays here, and what you have sent goes on by itself.</p>
      {asked && <p role="status" className="mt-3">Waiting for you to log in…</p>}
      <Actions>
        <Button onClick={toLogin}>Leave this page</Button>
        <a ref={login} href="/app/login?next=%2Fapp%2F" target="_blank" rel="noreferrer" onClick={() => setAsked(true)} className="inline-flex h-8 items-center rounded-md border border-accent bg-accent px-3 font-medium text-accent-fg hover:bg-accent-strong">Log in again</a>
      </Actions>
    </Dialog>
  )
}
