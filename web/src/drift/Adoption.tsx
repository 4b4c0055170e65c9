// The change of code that adopts drift: what it says, why some of it cannot, and its pull request.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import * as api from '~/kernel/api'
import { count } from '~/kernel/formats'
import { body, type Resource } from '~/kernel/jsonapi'
import { useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Actions, Dialog } from '~/ui/Dialog'
import { Failure, Notice } from '~/ui/Failure'
import { Icon } from '~/ui/Icon'
import { SkeletonRows } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'
import { cx } from '~/ui/classes'

type One = Resource<'drift-adoptions'>

/** Adoption makes the change, shows it, and opens its pull request if that is wanted. */
export function Adoption({ episode, mayOpen, whyNot, onClose }: { episode: string; mayOpen: boolean; whyNot: string | null; onClose: () => void }) {
  const client = useQueryClient()
  const made = useMutation({ mutationFn: () => api.create('/drift-episodes/{id}/actions/adopt', { id: episode }, body('drift-adoptions', {})) })
  const { mutate } = made
  useEffect(() => mutate(), [mutate])
  const open = useChange(['drift-remedies', 'drift-adoptions'], () => api.create('/drift-episodes/{id}/actions/adopt', { id: episode }, body('drift-adoptions', { 'open-pull-request': true })), () => {
    toast('The pull request is being opened.')
    onClose()
  })
  const close = () => {
    void client.invalidateQueries({ queryKey: ['drift-remedies'] })
    onClose()
  }
  const adoption = made.data?.item
  return (
    <Dialog title="Adopt in the code" wide onClose={close}>
      {made.error && <Failure error={made.error} retry={() => mutate()} />}
      {!adoption && !made.error && <SkeletonRows rows={6} />}
      {adoption && <Made adoption={adoption} />}
      {adoption && !mayOpen && whyNot && <p className="mt-4 text-sm text-muted">{whyNot}</p>}
      {open.error && <Failure error={open.error} className="mt-4" />}
      <Actions>
        <Button onClick={close}>Close</Button>
        {adoption && adoption.attributes['adopted-count'] > 0 && (
          <a href={api.address('/drift-adoptions/{id}/patch', { id: adoption.id })} download={`${adoption.id}.diff`} className="touch inline-flex h-8 items-center gap-1.5 rounded-md border border-line bg-surface px-3 shadow-low hover:border-line-strong hover:bg-hover">
            <Icon name="download" />Download the patch
          </a>
        )}
        {mayOpen && adoption && adoption.attributes['adopted-count'] > 0 && <Button look="primary" busy={open.isPending} onClick={() => open.mutate(undefined)}>Open a pull request</Button>}
      </Actions>
    </Dialog>
  )
}

function Made({ adoption }: { adoption: One }) {
  const a = adoption.attributes
  const left = a.outcomes.filter((o) => !o.adopted)
  const patch = useQuery({ queryKey: ['drift-adoptions', 'patch', adoption.id, a['updated-at']], queryFn: ({ signal }) => api.text(api.address('/drift-adoptions/{id}/patch', { id: adoption.id }), signal), enabled: a['adopted-count'] > 0 })
  return (
    <div className="space-y-4">
      {a['adopted-count'] === 0 ? (
        <Notice tone="warn" icon="warning">None of the {count(a['findings-count'], 'finding')} can be adopted.</Notice>
      ) : (
        <p className="text-muted">The change adopts {a['adopted-count']} of {count(a['findings-count'], 'finding')}. It changes no infrastructure.</p>
      )}
      {patch.error && <Failure error={patch.error} />}
      {patch.data !== undefined && <Patch text={patch.data} />}
      {left.length > 0 && (
        <section aria-label="Not adopted">
          <h3 className="mb-1 font-medium">Not adopted</h3>
          <ul className="space-y-1.5">
            {left.map((o) => (
              <li key={o['finding-id']} className="wrap-anywhere">
                <code className="font-mono text-sm">{o.address} {o.path}</code>
                <span className="block text-sm text-muted">{o.reason}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}

/** Patch shows a unified diff. */
function Patch({ text }: { text: string }) {
  const lines = text.trimEnd().split('\n').filter((l) => !l.startsWith('diff --git') && !l.startsWith('--- '))
  return (
    <div className="max-h-[45vh] overflow-auto rounded-md border border-line bg-sunken py-2 font-mono text-sm leading-6" role="group" aria-label="The change" tabIndex={0}>
      {lines.map((line, i) => (
        <div key={i} className={cx('min-w-fit px-3 whitespace-pre', look(line))}>{line.startsWith('+++ b/') ? line.slice(6) : line || ' '}</div>
      ))}
    </div>
  )
}

function look(line: string): string {
  if (line.startsWith('+++ ')) return 'font-semibold'
  if (line.startsWith('@@') || line.startsWith('\\')) return 'text-muted'
  if (line.startsWith('+')) return 'bg-ok-soft text-ok'
  if (line.startsWith('-')) return 'bg-bad-soft text-bad'
  return ''
}

/** Pull says how far the pull request of a change has got. */
export function Pull({ adoption }: { adoption: One }) {
  const a = adoption.attributes
  if (a.status === 'opening') return <Badge tone="info" busy>The pull request is being opened</Badge>
  if (a.status === 'failed') return <Notice tone="bad" icon="warning" className="wrap-anywhere">The pull request could not be opened. {a['error-message']}</Notice>
  return (
    <span className="inline-flex flex-wrap items-center gap-2">
      <a href={a['pull-request-url'] ?? ''} target="_blank" rel="noreferrer" className="inline-flex items-center gap-1.5 underline">
        Pull request {a['pull-request-number']}<Icon name="external" size={14} />
      </a>
      {a.status === 'merged' && <Badge tone="ok" icon="check">Merged</Badge>}
      {a.status === 'closed' && <Badge tone="idle" icon="cross">Closed</Badge>}
    </span>
  )
}
