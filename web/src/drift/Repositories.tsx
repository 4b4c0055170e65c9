// The git repositories that are scanned, each with the token to read it.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Button, IconButton } from '~/ui/Button'
import { Actions, Confirm, Dialog } from '~/ui/Dialog'
import { Empty, Failure } from '~/ui/Failure'
import { Choice, Field, Input, Select, Textarea } from '~/ui/Field'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { Test } from './Test'
import { Outcome } from './words'

type Repository = Resource<'drift-repositories'>

const types: Record<string, string> = {
  'github-public': 'GitHub, public', 'github-private': 'GitHub, with a token', 'gitlab-public': 'GitLab, public', gitlab: 'GitLab, with a token',
  gitea: 'Gitea or Forgejo', git: 'Any other, by https or ssh',
}

export function Repositories() {
  const { org } = useParams({ from: '/$org/drift/repositories' })
  const may = useOrganization(org).attributes.permissions
  const [editing, setEditing] = useState<Repository | 'new'>()
  const [removing, setRemoving] = useState<Repository>()
  const list = useQuery(allQuery('drift-repositories', '/organizations/{organization}/drift-repositories', { organization: org }))
  const remove = useChange(['drift-repositories', 'drift-schedules'], (id: string) => api.remove('/drift-repositories/{id}', { id }), () => {
    setRemoving(undefined)
    toast('The repository is gone.')
  })
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-2">
        <p className="text-muted">Where the code is that schedules compare with what is real.</p>
        {may['can-manage-drift'] && <Button look="primary" icon="plus" onClick={() => setEditing('new')}>Add a repository</Button>}
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} className="mb-4" />}
      <Panel>
        {list.isPending && <SkeletonRows rows={4} />}
        {list.data?.length === 0 && <Empty icon="project" title="No repositories yet"><p>Add the first one, then make a schedule that scans its folders.</p></Empty>}
        {list.data && list.data.length > 0 && (
          <ul aria-label="Repositories">
            {list.data.map((r) => (
              <li key={r.id} className="border-b border-line px-4 py-2.5 last:border-0">
                <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
                  <span className="font-medium wrap-anywhere">{r.attributes['full-name']}</span>
                  <Outcome status={r.attributes['check-status']} />
                  <span className="ml-auto flex flex-wrap items-center gap-1">
                    {may['can-operate-drift'] && <Test path={`/drift-repositories/${r.id}/actions/test`} kind="drift-repositories" name={r.attributes['full-name']} />}
                    {may['can-manage-drift'] && <IconButton small icon="pencil" label={`Change ${r.attributes['full-name']}`} onClick={() => setEditing(r)} />}
                    {may['can-manage-drift'] && <IconButton small icon="trash" label={`Delete ${r.attributes['full-name']}`} onClick={() => setRemoving(r)} />}
                  </span>
                </div>
                <p className="text-sm text-muted wrap-anywhere">{r.attributes.url} · {types[r.attributes.type] ?? r.attributes.type} · {r.attributes['has-token'] ? 'has a token' : 'has no token'} · tested <Time at={r.attributes['checked-at']} /></p>
                {r.attributes['check-status'] === 'failed' && <p className="mt-1 text-sm text-bad wrap-anywhere">{r.attributes['check-message']}</p>}
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {editing && <Edit org={org} repository={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} />}
      {removing && (
        <Confirm title={`Delete ${removing.attributes['full-name']}`} action="Delete" busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate(removing.id)} onClose={() => setRemoving(undefined)}>
          <p>Its token is forgotten. A schedule that uses it keeps it from being deleted.</p>
        </Confirm>
      )}
    </>
  )
}

function Edit({ org, repository, onClose }: { org: string; repository: Repository | undefined; onClose: () => void }) {
  const was = repository?.attributes
  const [type, setType] = useState(was?.type ?? 'github-private')
  const [url, setUrl] = useState(was?.url ?? '')
  const [token, setToken] = useState('')
  const [username, setUsername] = useState(was?.username ?? '')
  const [hosts, setHosts] = useState(was?.['known-hosts'] ?? '')
  const [unchecked, setUnchecked] = useState(false)
  const ssh = type === 'git' && (url.startsWith('ssh:') || /^\w+@/.test(url))
  const save = useChange(['drift-repositories'], () => {
    const document = body('drift-repositories', { type, url, 'skip-check': unchecked, ...(token !== '' && { token }), ...(type === 'git' && { username, 'known-hosts': hosts }) })
    return repository ? api.update('/drift-repositories/{id}', { id: repository.id }, document) : api.create('/organizations/{organization}/drift-repositories', { organization: org }, document)
  }, () => {
    onClose()
    toast('The repository is saved.')
  })
  const wrong = fieldsOf(save.error)
  return (
    <Dialog title={repository ? 'Change the repository' : 'Add a repository'} onClose={onClose}>
      <form
        className="space-y-4"
        onSubmit={(e) => {
          e.preventDefault()
          save.mutate(undefined)
        }}
      >
        <Field label="Kind" error={wrong.type}><Select value={type} onChange={(e) => setType(e.target.value)}>{Object.entries(types).map(([v, name]) => <option key={v} value={v}>{name}</option>)}</Select></Field>
        <Field label="Address" error={wrong.url}><Input value={url} onChange={(e) => setUrl(e.target.value)} placeholder="https://github.com/my-account/my-repo" required autoFocus /></Field>
        {!type.endsWith('-public') && (
          <Field label={ssh ? 'Private key' : 'Token'} error={wrong.token} help={was?.['has-token'] ? 'There is one, and nobody can read it. Leave it empty to keep it.' : 'It is sealed, and goes to the host of the repository only.'} optional={type === 'git' && !ssh}>
            {ssh ? <Textarea rows={4} className="font-mono text-sm" value={token} onChange={(e) => setToken(e.target.value)} /> : <Input type="password" autoComplete="new-password" value={token} onChange={(e) => setToken(e.target.value)} />}
          </Field>
        )}
        {type === 'git' && <Field label="User name" error={wrong.username} optional><Input value={username} onChange={(e) => setUsername(e.target.value)} /></Field>}
        {ssh && <Field label="Known hosts" error={wrong['known-hosts']} optional help="Lines as ssh-keyscan prints them."><Textarea rows={3} className="font-mono text-sm" value={hosts} onChange={(e) => setHosts(e.target.value)} /></Field>}
        <Choice label="Save it untested" help="Else it is saved only if it can be read now." checked={unchecked} onChange={(e) => setUnchecked(e.target.checked)} />
        {save.error && Object.keys(wrong).length === 0 && <Failure error={save.error} />}
        <Actions>
          <Button onClick={onClose}>Back</Button>
          <Button type="submit" look="primary" busy={save.isPending}>Save</Button>
        </Actions>
      </form>
    </Dialog>
  )
}
