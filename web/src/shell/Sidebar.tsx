import { Link, useNavigate } from '@tanstack/react-router'
import { logOut, useMe, useOrganizations } from '~/kernel/session'
import { setTheme, useTheme, type Theme } from '~/kernel/theme'
import { Avatar } from '~/ui/Avatar'
import { Icon, Mark, type IconName } from '~/ui/Icon'
import { Menu } from '~/ui/Menu'
import { cx } from '~/ui/classes'
import { organizationNav } from './nav'

/** Sidebar leads to the parts of an organization, to others, and to one's own account. */
export function Sidebar({ org, className }: { org: string | undefined; className: string }) {
  return (
    <aside aria-label="Navigation" className={cx('fixed inset-y-0 left-0 z-30 w-60 flex-col border-r border-line bg-surface', className)}>
      <div className="flex h-13 items-center border-b border-line px-3">
        <Switcher org={org} />
      </div>
      <nav aria-label="Organization" className="flex-1 space-y-0.5 overflow-y-auto p-2">
        {org && organizationNav.map((n) => <NavLink key={n.path} to={`/${org}/${n.path}`} icon={n.icon} label={n.label} />)}
      </nav>
      <div className="border-t border-line p-2">
        <Account />
      </div>
    </aside>
  )
}

function NavLink({ to, icon, label }: { to: string; icon: IconName; label: string }) {
  return (
    <Link
      to={to}
      className="flex h-8 items-center gap-2.5 rounded-md px-2.5 text-muted hover:bg-hover hover:text-text max-lg:h-10"
      activeProps={{ className: 'bg-accent-soft! text-accent! font-medium', 'aria-current': 'page' }}
    >
      <Icon name={icon} />
      {label}
    </Link>
  )
}

function Switcher({ org }: { org: string | undefined }) {
  const navigate = useNavigate()
  const all = useOrganizations()
  return (
    <Menu
      label={`${org ?? 'Plumbline'}: switch organization`}
      className="flex h-9 w-53 max-lg:h-10 items-center gap-2.5 rounded-md px-1.5 text-left hover:bg-hover"
      trigger={
        <>
          <Mark size={24} />
          <span className="min-w-0 flex-1 truncate font-semibold">{org ?? 'Plumbline'}</span>
          <Icon name="down" size={14} className="text-faint" />
        </>
      }
      items={[
        ...all.map((o) => ({ label: o.id, checked: o.id === org, onSelect: () => void navigate({ to: `/${o.id}/workspaces` }) })),
        { label: 'All organizations', icon: 'building' as const, separate: all.length > 0, onSelect: () => void navigate({ to: '/organizations' }) },
      ]}
    />
  )
}

const themes: { theme: Theme; label: string; icon: IconName }[] = [
  { theme: 'system', label: 'System theme', icon: 'system' },
  { theme: 'light', label: 'Light', icon: 'sun' },
  { theme: 'dark', label: 'Dark', icon: 'moon' },
]

function Account() {
  const me = useMe()
  const theme = useTheme()
  const navigate = useNavigate()
  const name = me.attributes.username ?? 'you'
  return (
    <div className="relative [&_[role=menu]]:max-h-96 [&>div>div]:bottom-full [&>div>div]:mb-1">
      <Menu
        label={`${name}: your account`}
        className="flex h-9 w-full max-lg:h-10 items-center gap-2.5 rounded-md px-1.5 text-left hover:bg-hover"
        trigger={
          <>
            <Avatar name={name} />
            <span className="min-w-0 flex-1 truncate">{name}</span>
            <Icon name="more" className="text-faint" />
          </>
        }
        items={[
          { label: 'Your settings', icon: 'user', onSelect: () => void navigate({ to: '/profile/tokens' }) },
          ...(me.attributes['is-site-admin'] ? [{ label: 'Administration', icon: 'settings' as const, onSelect: () => void navigate({ to: '/admin' }) }] : []),
          ...themes.map((t, i) => ({ label: t.label, icon: t.icon, checked: theme === t.theme, separate: i === 0, onSelect: () => setTheme(t.theme) })),
          { label: 'Log out', icon: 'external', separate: true, onSelect: logOut },
        ]}
      />
    </div>
  )
}
