// The command palette: everything that can be done or gone to from here, by name.
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react'
import { keyNames, useAllCommands, type Command } from '~/kernel/keyboard'
import { refOf } from '~/kernel/jsonapi'
import { listQuery } from '~/kernel/queries'
import { useOrganizations } from '~/kernel/session'
import { useSettled } from '~/kernel/settled'
import { Icon, type IconName } from '~/ui/Icon'
import { cx } from '~/ui/classes'
import { Keys } from './Shortcuts'

type Found = { id: string; title: string; group: string; icon: IconName; keys?: string | undefined; run: () => void }

export function Palette({ org, onClose }: { org: string | undefined; onClose: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const found = useFound(org, text.trim().toLowerCase())
  useEffect(() => {
    if (dialog.current && !dialog.current.open) dialog.current.showModal()
  }, [])
  useEffect(() => {
    document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: 'nearest' })
  }, [id, at])
  function run(f: Found | undefined) {
    if (!f) return
    onClose()
    f.run()
  }
  function onKey(e: KeyboardEvent) {
    const move = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    if (move !== undefined) setAt((at + move + found.length) % Math.max(1, found.length))
    else if (e.key === 'Enter') run(found[at])
    else return
    e.preventDefault()
  }
  return (
    <dialog
      ref={dialog}
      aria-label="Search and commands"
      onClose={onClose}
      onClick={(e) => e.target === dialog.current && dialog.current.close()} // the browser gives the focus back
      className="mx-auto mt-[12vh] w-[calc(100vw-2rem)] max-w-xl appear overflow-hidden rounded-xl border border-line bg-raised p-0 shadow-high backdrop:bg-black/40"
    >
      <div className="flex items-center gap-2.5 border-b border-line px-4">
        <Icon name="search" className="text-faint" />
        <input
          autoFocus
          role="combobox"
          aria-label="Search"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={found.length > 0 ? `${id}-${at}` : undefined}
          placeholder="Go to, or do…"
          value={text}
          onChange={(e) => {
            setText(e.target.value)
            setAt(0)
          }}
          onKeyDown={onKey}
          className="h-12 min-w-0 flex-1 bg-transparent text-lg outline-none"
        />
      </div>
      <div id={`${id}-list`} role="listbox" aria-label="Results" className="max-h-[50vh] overflow-y-auto p-1.5">
        {found.length === 0 && <p className="px-3 py-6 text-center text-muted">Nothing has this name.</p>}
        {found.map((f, i) => (
          <Row key={f.id} id={`${id}-${i}`} found={f} head={found[i - 1]?.group === f.group ? undefined : f.group} active={i === at} onPoint={() => setAt(i)} onRun={() => run(f)} />
        ))}
      </div>
    </dialog>
  )
}

type RowProps = { id: string; found: Found; head: string | undefined; active: boolean; onPoint: () => void; onRun: () => void }

function Row({ id, found, head, active, onPoint, onRun }: RowProps) {
  return (
    <>
      {head && <div role="presentation" className="px-2.5 pt-2 pb-1 text-xs font-medium text-faint">{head}</div>}
      <div id={id} role="option" tabIndex={-1} aria-selected={active} onPointerMove={onPoint} onClick={onRun} className={cx('flex h-9 max-sm:h-11 cursor-pointer items-center gap-2.5 rounded-md px-2.5', active && 'bg-accent-soft')}>
        <Icon name={found.icon} className="text-muted" />
        <span className="min-w-0 flex-1 truncate">{found.title}</span>
        {found.keys && <Keys names={keyNames(found.keys)} />}
      </div>
    </>
  )
}

/** useFound are commands, organizations and workspaces by what was typed. */
function useFound(org: string | undefined, text: string): Found[] {
  const navigate = useNavigate()
  const commands = useAllCommands().filter((c) => c.id !== 'palette' && matches(c, text))
  const orgs = useOrganizations().filter((o) => o.id !== org && (text === '' ? false : o.id.toLowerCase().includes(text)))
  const search = useSettled(text, 150)
  const workspaces = useQuery({
    ...listQuery('workspaces', '/organizations/{organization}/workspaces', { organization: org ?? '' }, { 'search[name]': search, 'page[size]': 8, sort: '-latest-change-at', 'fields[workspaces]': 'name' }),
    enabled: org !== undefined,
  })
  const asked = org !== undefined && search.length >= 2
  const runs = useQuery({
    ...listQuery('runs', '/organizations/{organization}/runs', { organization: org ?? '' }, { 'search[basic]': search, 'page[size]': 6, include: 'workspace', 'fields[runs]': 'message,status,workspace', 'fields[workspaces]': 'name' }),
    enabled: asked,
  })
  const modules = useQuery({ ...listQuery('registry-modules', '/organizations/{organization}/registry-modules', { organization: org ?? '' }, { q: search, 'filter[registry_name]': 'private', 'page[size]': 6 }), enabled: asked })
  return [
    ...(workspaces.data?.items ?? [])
      .filter((w) => w.attributes.name.toLowerCase().includes(text))
      .map((w) => ({ id: w.id, title: w.attributes.name, group: 'Workspaces', icon: 'workspace' as const, run: () => void navigate({ to: `/${org}/workspaces/${w.attributes.name}` }) })),
    ...(asked ? (modules.data?.items ?? []) : [])
      .filter(({ attributes: m }) => `${m.namespace}/${m.name}/${m.provider}`.toLowerCase().includes(text))
      .map(({ id, attributes: m }) => ({ id, title: `${m.namespace}/${m.name}/${m.provider}`, group: 'Modules', icon: 'registry' as const, run: () => void navigate({ to: `/${org}/registry/modules/${m.namespace}/${m.name}/${m.provider}` }) })),
    ...(asked ? (runs.data?.items ?? []) : []).map((r) => {
      const workspace = runs.data?.included.get('workspaces', refOf(r, 'workspace')?.id)?.attributes.name
      return { id: r.id, title: `${r.attributes.message || r.id}${workspace ? ` · ${workspace}` : ''}`, group: 'Runs', icon: 'run' as const, run: () => void navigate({ to: `/${org}/runs/${r.id}` }) }
    }),
    ...orgs.map((o) => ({ id: `org-${o.id}`, title: o.id, group: 'Organizations', icon: 'building' as const, run: () => void navigate({ to: `/${o.id}/workspaces` }) })),
    ...commands.map((c) => ({ id: c.id, title: c.title, group: c.group ?? 'This screen', icon: 'command' as const, keys: c.keys, run: c.run })).toSorted((a, b) => order(a.group) - order(b.group)),
  ]
}

function order(group: string): number {
  const at = ['This screen', 'Run', 'Workspace', 'List', 'Go to', 'General', 'Theme'].indexOf(group)
  return at < 0 ? 4 : at
}

function matches(c: Command, text: string): boolean {
  const all = `${c.title} ${c.words ?? ''}`.toLowerCase()
  return text.split(/\s+/).every((word) => all.includes(word))
}
