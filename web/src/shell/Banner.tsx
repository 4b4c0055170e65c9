// What stands between this page and its server, in a line that covers nothing that is used.
import { lookAgain, useHealth } from '~/kernel/health'
import { cut, most } from '~/kernel/queries'
import { useStore } from '~/kernel/store'
import { named } from '~/kernel/title'
import { Button } from '~/ui/Button'
import { Icon } from '~/ui/Icon'

export function Banner() {
  const { offline, unreachable, outdated } = useHealth()
  const long = useStore(cut)
  return (
    <div data-screen-only aria-live="polite" className="pointer-events-none fixed inset-x-0 bottom-0 z-40 flex flex-col items-center gap-2 p-3 lg:left-60">
      {offline && (
        <p className="pointer-events-auto flex appear items-center gap-2.5 rounded-lg border border-line bg-raised px-4 py-2.5 shadow-high">
          <Icon name="warning" className="text-warn" />
          You are offline. What is shown may be old; it is read again when you are back.
        </p>
      )}
      {unreachable && !offline && (
        <div className="pointer-events-auto flex appear items-center gap-3 rounded-lg border border-line bg-raised px-4 py-2 shadow-high">
          <Icon name="warning" className="text-warn" />
          The server does not answer. What is shown may be old; this page goes on by itself when it is back.
          <Button small icon="refresh" onClick={lookAgain}>Try now</Button>
        </div>
      )}
      {long !== undefined && (
        <div className="pointer-events-auto flex appear items-center gap-3 rounded-lg border border-line bg-raised px-4 py-2 shadow-high">
          <Icon name="warning" className="text-warn" />
          {named(long)}: the first {most.toLocaleString()} are shown, and there are more. The API has all.
          <Button small onClick={() => cut.set(undefined)}>Close</Button>
        </div>
      )}
      {outdated && (
        <div className="pointer-events-auto flex appear items-center gap-3 rounded-lg border border-line bg-raised px-4 py-2 shadow-high">
          <Icon name="info" className="text-info" />
          The server has a new version of these pages.
          <Button small look="primary" onClick={() => window.location.reload()}>Reload</Button>
        </div>
      )}
    </div>
  )
}
