// The keys that sign the identity of runs.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { readQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Confirm } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { Table } from '~/ui/Table'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'

export const keysQuery = readQuery('oidc-settings', '/admin/oidc-settings', {})

export function SigningKeys() {
  const [asked, setAsked] = useState<'rotate' | 'trim'>()
  const { data, error, refetch } = useQuery({ ...keysQuery, refetchInterval: 60_000 })
  const keys = data?.item.attributes.keys
  const signing = keys?.findIndex((k) => k.signs) ?? 0
  const close = () => setAsked(undefined)
  const rotate = useChange(['oidc-settings'], () => api.send('POST', api.address('/admin/oidc-settings/actions/rotate-key', {})), () => {
    close()
    toast('A new key signs from now on.')
  })
  const trim = useChange(['oidc-settings'], () => api.send('POST', api.address('/admin/oidc-settings/actions/trim-key', {})), () => {
    close()
    toast('Only the newest key is left.')
  })
  return (
    <Panel
      title="Keys that sign the identity of runs"
      actions={
        <>
          <Button small icon="refresh" onClick={() => setAsked('rotate')}>Rotate…</Button>
          <Button small icon="trash" disabled={!keys || keys.length < 2} onClick={() => setAsked('trim')}>Trim…</Button>
        </>
      }
    >
      <p className="px-4 pt-3 text-muted">Clouds believe a run by the keys at <code className="font-mono text-sm">/.well-known/jwks</code>. The server makes a new key every two months, and tells of it a day before it signs.</p>
      {error && <div className="p-4"><Failure error={error} retry={() => void refetch()} /></div>}
      {keys?.length === 0 && <Empty icon="key" title="No key yet"><p>The first is made when a run or a cloud asks for one.</p></Empty>}
      {keys && keys.length > 0 && (
        <Table
          label="Keys"
          items={keys}
          keyOf={(k) => k.id}
          columns={[
            { name: 'Key', cell: (k) => <code className="block max-w-36 truncate sm:max-w-64 font-mono text-sm" title={k.id}>{k.id}</code> },
            { name: 'State', className: 'w-40', cell: (k) => <State signs={k.signs} from={keys.indexOf(k) < signing ? k['signs-at'] : undefined} /> },
            { name: 'Made', className: 'w-28 max-sm:hidden', cell: (k) => <Time at={k['created-at']} /> },
          ]}
        />
      )}
      {asked === 'rotate' && (
        <Confirm title="Rotate the key?" action="Rotate" look="primary" busy={rotate.isPending} error={rotate.error} onConfirm={() => rotate.mutate(undefined)} onClose={close}>
          <p>A new key signs the identity of all runs from now on. The older ones stay published, so nothing that they have signed stops working.</p>
          <p>A cloud that remembers the published keys may refuse runs until it asks for them again, after an hour at most.</p>
        </Confirm>
      )}
      {asked === 'trim' && (
        <Confirm title="Remove all keys but the newest?" action="Remove the others" busy={trim.isPending} error={trim.error} onConfirm={() => trim.mutate(undefined)} onClose={close}>
          <p>What the others have signed is believed no more: runs under way lose their access to clouds. The newest key signs from now on.</p>
          <p>Do it when an old key may have got into wrong hands, or an hour or more after a rotation when no run is under way.</p>
        </Confirm>
      )}
    </Panel>
  )
}

/** State is what a key does; from is when one begins to sign that does not yet. */
function State({ signs, from }: { signs: boolean; from: string | undefined }) {
  if (signs) return <Badge tone="ok" icon="check">signs</Badge>
  if (from) return <Badge>signs <Time at={from} /></Badge>
  return <Badge>published</Badge>
}
