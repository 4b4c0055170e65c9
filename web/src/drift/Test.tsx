import { useState } from 'react'
import { address, send } from '~/kernel/api'
import { useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Dialog } from '~/ui/Dialog'
import { Failure, Notice } from '~/ui/Failure'

/** Answer is what a test says, as JSON. */
type Answer = { status: string; message?: string; branches?: string[]; folders?: string[]; repositories?: string[]; checked?: string; account?: string; arn?: string; name?: string; email?: string }

/** Test tries a repository or a connection now and shows what came of it. */
export function Test({ kind, id, name }: { kind: 'drift-repositories' | 'drift-connections'; id: string; name: string }) {
  const [open, setOpen] = useState(false)
  const test = useChange([kind], async () => (await send('POST', address(`/${kind}/{id}/actions/test`, { id }))) as Answer, () => setOpen(true))
  const a = test.data
  return (
    <>
      <Button small busy={test.isPending} aria-label={`Test ${name}`} onClick={() => test.mutate(undefined, { onError: () => setOpen(true) })}>Test</Button>
      {open && (
        <Dialog title={`Test of ${name}`} onClose={() => setOpen(false)}>
          {test.error && <Failure error={test.error} />}
          {a?.status === 'good' && <Notice tone="ok" icon="check">{worksAs(a)}</Notice>}
          {a && a.status !== 'good' && <Notice tone="bad" icon="cross">{a.message ?? 'It does not work.'}</Notice>}
          {a?.branches && a.branches.length > 0 && <List title="Branches" items={a.branches} />}
          {a?.repositories && a.repositories.length > 0 && <List title="Repositories of the installation" items={a.repositories} />}
          {a?.folders && a.folders.length > 0 && <List title="Folders with configurations" items={a.folders} />}
        </Dialog>
      )}
    </>
  )
}

function worksAs(a: Answer): string {
  const who = a.arn ?? a.email ?? a.name ?? a.account
  if (a.checked === 'parse') return 'It can be read. Whether the credentials are valid, only a scan tells.'
  return who ? `It works, as ${who}.` : 'It works.'
}

function List({ title, items }: { title: string; items: string[] }) {
  return (
    <div className="mt-4">
      <h3 className="font-semibold">{title}</h3>
      <ul className="mt-1 max-h-48 overflow-auto font-mono text-sm" tabIndex={0} aria-label={title}>{items.map((i) => <li key={i}>{i}</li>)}</ul>
    </div>
  )
}
