import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, refsOf } from '~/kernel/jsonapi'
import { count } from '~/kernel/formats'
import { fieldsOf } from '~/kernel/problem'
import { listQuery, polling, useChange } from '~/kernel/queries'
import { useOrganization } from '~/kernel/session'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { Empty, Failure } from '~/ui/Failure'
import { Choice, Field, Input, Select } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Late } from '~/ui/Late'
import { Panel } from '~/ui/Page'
import { Pages } from '~/ui/Pages'
import { SkeletonRows } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { kindIn, type Facets } from '../facets'

export function ProviderList() {
  const { org } = useParams({ from: '/$org/registry/providers' })
  const { q, kind, page } = useSearch({ from: '/$org/registry/providers' })
  const navigate = useNavigate({ from: '/$org/registry/providers' })
  const set = (change: Facets) => void navigate({ search: (was) => ({ ...was, page: undefined, ...change }), replace: true })
  const [adding, setAdding] = useState(false)
  const may = useOrganization(org).attributes.permissions['can-create-provider']
  const list = useQuery({ ...listQuery('registry-providers', '/organizations/{organization}/registry-providers', { organization: org }, { q, 'filter[registry_name]': kind, 'page[size]': 50, 'page[number]': page }), ...polling })
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        <Late label="Search providers" className="min-w-48 flex-1" value={q} onChange={(text) => set({ q: text })} />
        <Select aria-label="Kind" className="w-36! max-sm:flex-1" value={kind ?? ''} onChange={(e) => set({ kind: kindIn(e.target.value) })}>
          <option value="">All kinds</option>
          <option value="private">Our own</option>
          <option value="public">Public</option>
        </Select>
        {may && <Button look="primary" icon="plus" onClick={() => setAdding(true)}>Add a provider</Button>}
      </div>
      {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
      <Panel>
        {list.isPending && <SkeletonRows />}
        {list.data?.items.length === 0 && (q || kind ? <Empty icon="search" title="No provider is like that" actions={<Button onClick={() => void navigate({ search: {}, replace: true })}>Show all</Button>} /> : <Empty icon="registry" title="No providers yet"><p>Providers that your organization has written, and a list of public ones that it recommends.</p></Empty>)}
        {list.data && list.data.items.length > 0 && (
          <ul aria-label="Providers">
            {list.data.items.map((p) => (
              <li key={p.id} className="relative flex min-h-14 items-center gap-4 border-b border-line px-4 py-2 last:border-0 hover:bg-hover">
                <div className="min-w-0 flex-1">
                  <Link to="/$org/registry/providers/$registry/$namespace/$name" params={{ org, registry: p.attributes['registry-name'], namespace: p.attributes.namespace, name: p.attributes.name }} className="font-medium after:absolute after:inset-0 hover:text-accent">{p.attributes.name}</Link>
                  <div className="text-sm text-muted">{p.attributes.namespace}</div>
                </div>
                {p.attributes['registry-name'] === 'public' ? <Badge tone="info">public</Badge> : <span className="text-sm text-muted tabular">{count(refsOf(p, 'versions').length, 'version')}</span>}
                <Time at={p.attributes['updated-at']} className="w-20 text-right text-sm whitespace-nowrap text-muted max-sm:hidden" />
              </li>
            ))}
          </ul>
        )}
      </Panel>
      {list.data && <Pages at={list.data.pagination} what="provider" onPage={(page) => set({ page })} />}
      {adding && <Add org={org} onClose={() => setAdding(false)} />}
    </>
  )
}

function Add({ org, onClose }: { org: string; onClose: () => void }) {
  const [isPublic, setPublic] = useState(false)
  const [namespace, setNamespace] = useState('hashicorp')
  const [name, setName] = useState('')
  const change = useChange(
    ['registry-providers'],
    () => api.create('/organizations/{organization}/registry-providers', { organization: org }, body('registry-providers', { name, namespace: isPublic ? namespace : org, 'registry-name': isPublic ? 'public' : 'private' })),
    onClose,
  )
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title="Add a provider" action="Add" change={change} onClose={onClose}>
      <fieldset className="space-y-2">
        <legend className="sr-only">Kind</legend>
        <Choice type="radio" name="kind" label="Our own" help="Its versions are uploaded here and signed with one of our keys." checked={!isPublic} onChange={() => setPublic(false)} />
        <Choice type="radio" name="kind" label="A public one" help="A record that we recommend it; it is still installed from the public registry." checked={isPublic} onChange={() => setPublic(true)} />
      </fieldset>
      {isPublic && <Field label="Namespace" error={wrong.namespace}><Input value={namespace} onChange={(e) => setNamespace(e.target.value)} required /></Field>}
      <Field label="Name" error={wrong.name}><Input value={name} onChange={(e) => setName(e.target.value)} required autoFocus /></Field>
    </FormDialog>
  )
}
