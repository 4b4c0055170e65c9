// Every screen as a command, made of the routes themselves: a screen that is new is found
// without anybody listing it.
import { useRouter, type AnyRoute } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Command } from '~/kernel/keyboard'
import { named } from '~/kernel/title'
import type { Crumb } from '~/kernel/routing'

/** Place is a screen that can be gone to. */
export type Place = { path: string; label: string }

/** placesOf are the screens whose addresses need no more than the parameters that are there. */
export function placesOf(routes: Iterable<AnyRoute>, params: Record<string, string>): Place[] {
  const places = new Map<string, Place>()
  for (const r of routes) {
    const full = String(r.fullPath).replace(/\/$/, '')
    const own = namesOf(r, params)
    if (full === '' || own.length === 0 || !r.options.component || r.options.staticData?.needsMore || !labelOf(r, params)) continue
    const path = filled(full, params)
    if (path !== undefined && !places.has(path)) places.set(path, { path, label: own.join(' › ') })
  }
  return [...places.values()]
}

/** filled is an address with its parameters, undefined if one is missing. */
function filled(path: string, params: Record<string, string>): string | undefined {
  let complete = true
  const out = path.replace(/\$(\w+)/g, (_, name: string) => {
    complete &&= params[name] !== undefined
    return params[name] ?? ''
  })
  return complete ? out : undefined
}

/** namesOf are the names of a route and of those above it. */
function namesOf(r: AnyRoute | undefined, params: Record<string, string>): string[] {
  if (!r || r.isRoot) return []
  const label = labelOf(r, params)
  return [...namesOf(r.parentRoute as AnyRoute | undefined, params), ...(label ? [label] : [])]
}

function labelOf(r: AnyRoute, params: Record<string, string>): string | undefined {
  const crumb = (r.options.staticData as { crumb?: Crumb } | undefined)?.crumb?.(params)
  if (crumb !== undefined) return typeof crumb === 'string' ? crumb : crumb.at(-1)?.label
  const last = String(r.fullPath).split('/').at(-1) ?? ''
  return last === '' || last.startsWith('$') ? undefined : named(last)
}

/** useScreens are the commands that go to the screens of an organization, and of a workspace of it. */
export function useScreens(org: string | undefined, workspace: string | undefined, except: ReadonlySet<string>): Command[] {
  const router = useRouter()
  return useMemo(() => {
    const params = { ...(org !== undefined && { org }), ...(workspace !== undefined && { workspace }) }
    return placesOf(Object.values(router.routesById) as AnyRoute[], params)
      .filter((p) => !except.has(p.path))
      .map((p) => ({ id: `screen-${p.path}`, title: p.label, group: 'Go to', run: () => void router.navigate({ to: p.path }) }))
  }, [router, org, workspace, except])
}
