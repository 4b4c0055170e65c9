import { Problem, isMissing } from '~/kernel/problem'
import { Help } from '~/ui/Words'
import { Failure, Forbidden, NotFound } from '~/ui/Failure'

/** RouteError is what is shown in the place of a screen that could not be loaded. */
export function RouteError({ error, reset }: { error: unknown; reset: () => void }) {
  if (isMissing(error)) return <NotFound />
  if (error instanceof Problem && error.status === 403) return <Forbidden error={error} />
  return <div className="mx-auto max-w-2xl p-6 pt-16"><Failure error={error} retry={reset} className="mb-4" /><Help /></div>
}
