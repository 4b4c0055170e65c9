import { Suspense, lazy, useMemo, useState } from 'react'
import type { Resource } from '~/kernel/jsonapi'
import { useCommands } from '~/kernel/keyboard'
import { surely } from '~/kernel/lazy'
import { Button } from '~/ui/Button'

const StartRun = lazy(() => surely(() => import('./StartRun')).then((m) => ({ default: m.StartRun })))

/** StartButton opens the dialog that starts a run in a workspace, for who may, if the server or agents execute its runs. */
export function StartButton({ org, workspace: w }: { org: string; workspace: Resource<'workspaces'> }) {
  const [open, setOpen] = useState(false)
  const may = w.attributes.permissions['can-queue-run'] && w.attributes['execution-mode'] !== 'local'
  useCommands(useMemo(() => (may ? [{ id: 'start-run', title: `Start a run in ${w.attributes.name}`, keys: 'n', group: 'Workspace', run: () => setOpen(true) }] : []), [may, w.attributes.name]))
  if (!may) return null
  return (
    <>
      <Button look="primary" icon="run" onClick={() => setOpen(true)} title="Start a run (N)">Start a run</Button>
      {open && <Suspense><StartRun org={org} workspace={w} onClose={() => setOpen(false)} /></Suspense>}
    </>
  )
}
