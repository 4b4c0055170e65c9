// Workspaces and projects to choose from, found by name.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { refOf } from '~/kernel/jsonapi'
import { listQuery } from '~/kernel/queries'
import { useSettled } from '~/kernel/settled'
import { Picker, type Pick } from '~/ui/Picker'

type Props = { org: string; chosen: readonly Pick[]; without?: readonly string[]; single?: boolean; onChange: (chosen: Pick[]) => void }

/** WorkspacePicker chooses workspaces of an organization. */
export function WorkspacePicker({ org, ...rest }: Props) {
  const [text, setText] = useState('')
  const search = useSettled(text.trim())
  const { data } = useQuery(listQuery('workspaces', '/organizations/{organization}/workspaces', { organization: org }, { 'search[name]': search, 'page[size]': 50, 'fields[workspaces]': 'name,project', include: 'project', 'fields[projects]': 'name' }))
  const found = data?.items.map((w) => ({ id: w.id, name: w.attributes.name, about: data.included.get('projects', refOf(w, 'project')?.id)?.attributes.name }))
  return <Picker what="workspaces" text={text} onText={setText} found={found} {...rest} />
}

/** ProjectPicker chooses projects of an organization. */
export function ProjectPicker({ org, ...rest }: Props) {
  const [text, setText] = useState('')
  const q = useSettled(text.trim())
  const { data } = useQuery(listQuery('projects', '/organizations/{organization}/projects', { organization: org }, { q, 'page[size]': 50 }))
  const found = data?.items.map((p) => ({ id: p.id, name: p.attributes.name }))
  return <Picker what="projects" text={text} onText={setText} found={found} {...rest} />
}
