// The git repositories that are scanned, each with the token to read it.
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { allQuery, useChange } from '~/kernel/queries'
import { Choice, Field, Input, Select, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Time } from '~/ui/Time'
import { toast } from '~/ui/Toast'
import { Sources } from './Sources'

type Repository = Resource<'drift-repositories'>

const types: Record<string, string> = {
  'github-public': 'GitHub, public', 'github-private': 'GitHub, with a token', 'github-app': 'GitHub, by an app', 'gitlab-public': 'GitLab, public', gitlab: 'GitLab, with a token',
  gitea: 'Gitea or Forgejo', git: 'Any other, by https or ssh',
}

export function Repositories() {
  const { org } = useParams({ from: '/$org/drift/repositories' })
  const list = useQuery(allQuery('drift-repositories', '/organizations/{organization}/drift-repositories', { organization: org }))
  return (
    <Sources
      org={org}
      kind="drift-repositories"
      label="Repositories"
      noun="repository"
      icon="project"
      intro="Where the code is that schedules compare with what is real."
      empty="Add the first one, then make a schedule that scans its folders."
      forgets="Its token is forgotten."
      list={list}
      remove={(id) => api.remove('/drift-repositories/{id}', { id })}
      row={(r) => ({ name: r.attributes['full-name'], status: r.attributes['check-status'], problem: r.attributes['check-status'] === 'failed' ? r.attributes['check-message'] : '', about: <About repository={r} /> })}
      form={(r, onClose) => <Edit org={org} repository={r} onClose={onClose} />}
    />
  )
}

function About({ repository }: { repository: Repository }) {
  const a = repository.attributes
  return <p>{a.url} · {types[a.type] ?? a.type}{a.type === 'git' && (a['has-token'] ? ', with a token' : ', without a token')}{a['checked-at'] && <> · tested <Time at={a['checked-at']} /></>}</p>
}

function Edit({ org, repository, onClose }: { org: string; repository: Repository | undefined; onClose: () => void }) {
  const was = repository?.attributes
  const draft = useDraft({ type: was?.type ?? 'github-private', url: was?.url ?? '', username: was?.username ?? '', hosts: was?.['known-hosts'] ?? '', app: was?.['app-id'] ?? '', installation: was?.['installation-id'] ?? '' })
  const { type, url, username, hosts, app, installation } = draft.values
  const [token, setToken] = useState('')
  const [unchecked, setUnchecked] = useState(false)
  const isApp = type === 'github-app'
  const ssh = type === 'git' && (url.startsWith('ssh:') || /^\w+@/.test(url))
  const save = useChange(['drift-repositories'], () => {
    const document = body('drift-repositories', { type, url, 'skip-check': unchecked, ...(token !== '' && { token }), ...(type === 'git' && { username, 'known-hosts': hosts }), ...(isApp && { 'app-id': app, 'installation-id': installation }) })
    return repository ? api.update('/drift-repositories/{id}', { id: repository.id }, document) : api.create('/organizations/{organization}/drift-repositories', { organization: org }, document)
  }, () => {
    onClose()
    toast('The repository is saved.')
  })
  const wrong = fieldsOf(save.error)
  return (
    <FormDialog title={repository ? 'Change the repository' : 'Add a repository'} action="Save" change={save} draft={draft} names={{ type: 'kind', url: 'address', username: 'user name', hosts: 'known hosts', app: 'app id', installation: 'installation id' }} onClose={onClose}>
      <Field label="Kind" error={wrong.type}><Select value={type} onChange={(e) => draft.set({ type: e.target.value })}>{Object.entries(types).map(([v, name]) => <option key={v} value={v}>{name}</option>)}</Select></Field>
      <Field label="Address" error={wrong.url}><Input value={url} onChange={(e) => draft.set({ url: e.target.value })} placeholder="https://github.com/my-account/my-repo" required autoFocus /></Field>
      {isApp && <Field label="App id" error={wrong['app-id']} help="The number or the client id in the settings of the app. It needs Contents: read, and Issues: write for alerts."><Input value={app} onChange={(e) => draft.set({ app: e.target.value })} required /></Field>}
      {isApp && <Field label="Installation id" error={wrong['installation-id']} help="The number at the end of the address of the installation's settings."><Input value={installation} onChange={(e) => draft.set({ installation: e.target.value })} inputMode="numeric" required /></Field>}
      {!type.endsWith('-public') && (
        <Field label={ssh || isApp ? 'Private key' : 'Token'} error={wrong.token} help={was?.['has-token'] ? 'There is one, and nobody can read it. Leave it empty to keep it.' : 'It is sealed, and goes to the host of the repository only.'} optional={type === 'git' && !ssh}>
          {ssh || isApp ? <Textarea rows={4} className="font-mono text-sm" value={token} onChange={(e) => setToken(e.target.value)} /> : <Input type="password" autoComplete="new-password" value={token} onChange={(e) => setToken(e.target.value)} />}
        </Field>
      )}
      {type === 'git' && <Field label="User name" error={wrong.username} optional><Input value={username} onChange={(e) => draft.set({ username: e.target.value })} /></Field>}
      {ssh && <Field label="Known hosts" error={wrong['known-hosts']} optional help="Lines as ssh-keyscan prints them. Without them the key that the host shows first is kept, and another one refused."><Textarea rows={3} className="font-mono text-sm" value={hosts} onChange={(e) => draft.set({ hosts: e.target.value })} /></Field>}
      <Choice label="Save it untested" help="Else it is saved only if it can be read now." checked={unchecked} onChange={(e) => setUnchecked(e.target.checked)} />
    </FormDialog>
  )
}
