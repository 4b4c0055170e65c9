// What several screens of drift share: filters, pages, and where a thing is.
import { refOf, type Included } from '~/kernel/jsonapi'
import { Select } from '~/ui/Field'
import { Icon } from '~/ui/Icon'
import { TextLink } from '~/ui/Page'
import { cx } from '~/ui/classes'

/** Download is a link to a file. */
export function Download({ label, href }: { label: string; href: string }) {
  return (
    <a href={href} download className="touch inline-flex print:hidden h-8 items-center gap-1.5 rounded-md border border-line bg-surface px-3 whitespace-nowrap shadow-low hover:border-line-strong hover:bg-hover">
      <Icon name="download" />{label}
    </a>
  )
}

type OneOfProps = { label: string; all: string; value: string | undefined; options: readonly (readonly [string, string])[]; onChange: (v: string | undefined) => void; className?: string }

/** OneOf narrows a list to one of several values, or to none of them. It is as wide as its longest word, unless className says otherwise. */
export function OneOf({ label, all, value, options, onChange, className = 'w-auto! max-w-44' }: OneOfProps) {
  return (
    <Select aria-label={label} className={cx('max-sm:max-w-none max-sm:flex-1', className)} value={value ?? ''} onChange={(e) => onChange(e.target.value || undefined)}>
      <option value="">{all}</option>
      {options.map(([v, name]) => <option key={v} value={v}>{name}</option>)}
    </Select>
  )
}

/** placeName is where something is, as text. */
export function placeName(of: Placed, included: Included): string {
  const workspace = refOf(of, 'workspace')?.id
  const schedule = refOf(of, 'drift-schedule')?.id
  return included.get('workspaces', workspace)?.attributes.name ?? [included.get('drift-schedules', schedule)?.attributes.name || workspace || schedule, of.attributes.folder].filter((s) => s && s !== '.').join(' · ')
}

type Placed = { attributes: { folder: string | null }; relationships?: unknown }

/** Place says where something is: in a workspace, or in a folder that a schedule scans. */
export function Place({ org, of, included, className }: { org: string; of: Placed; included: Included; className?: string }) {
  const workspace = refOf(of, 'workspace')
  const schedule = refOf(of, 'drift-schedule')
  const name = included.get('workspaces', workspace?.id)?.attributes.name
  const look = cx('wrap-anywhere', className)
  if (name !== undefined) return <TextLink to="/$org/workspaces/$workspace/health" params={{ org, workspace: name }} className={cx('underline', look)}>{name}</TextLink>
  if (workspace) return <span className={look}>{workspace.id}</span>
  const title = included.get('drift-schedules', schedule?.id)?.attributes.name || schedule?.id || ''
  return <span className={look}>{title}{of.attributes.folder && of.attributes.folder !== '.' ? ` · ${of.attributes.folder}` : ''}</span>
}

/** shown is a value of JSON as text. */
export function shown(v: unknown): string {
  return typeof v === 'string' ? v : JSON.stringify(v, null, 2)
}
