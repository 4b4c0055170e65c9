import type { AnyRoute } from '@tanstack/react-router'
import { expect, test } from 'vitest'
import { placesOf } from './commands'

const route = (fullPath: string, crumb: unknown, parentRoute: unknown = { isRoot: true }, component: unknown = () => null) => ({ fullPath, parentRoute, options: { component, staticData: crumb ? { crumb } : {} } }) as unknown as AnyRoute

test('every screen that can be reached from here is a place, by its name and that of its parents', () => {
  const settings = route('/$org/settings', () => 'Organization')
  const list = [
    settings,
    route('/$org/settings/teams', undefined, settings),
    route('/$org/settings/', undefined, settings), // leads elsewhere
    route('/$org/teams/$team', (p: Record<string, string>) => p.team ?? ''),
    route('/$org/old', () => 'Old', { isRoot: true }, null),
    route('/$org/workspaces/$workspace/health', () => 'Health', route('', (p: Record<string, string>) => [{ label: 'Workspaces', to: '' }, { label: p.workspace ?? '', to: '' }])),
  ]
  expect(placesOf(list, { org: 'acme' })).toEqual([{ path: '/acme/settings', label: 'Organization' }, { path: '/acme/settings/teams', label: 'Organization › Teams' }])
  expect(placesOf(list, { org: 'acme', workspace: 'web' }).at(-1)).toEqual({ path: '/acme/workspaces/web/health', label: 'web › Health' })
})
