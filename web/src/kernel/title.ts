// How screens are called by what their addresses end with.

/** named is the last part of an address as a name: "varsets" is "Variable sets". */
export function named(part: string): string {
  const text = { audit: 'audit log', varsets: 'variable sets', 'ssh-keys': 'SSH keys' }[part] ?? part.replaceAll('-', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** partOf is what the part of a thing at a route is called, none for the thing itself: "/$org/settings/teams/$team" is "Teams". */
export function partOf(route: string): string | undefined {
  if (route.endsWith('/')) return undefined
  const part = route.split('/').findLast((p) => p !== '' && !p.startsWith('$'))
  return part === undefined ? undefined : named(part)
}
