// The part of an address after "?": plain text, as people read and share it.

/** parseSearch reads it. */
export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text))
}

/** stringifySearch writes it, with its question mark; what is empty is left out. */
export function stringifySearch(search: Record<string, unknown>): string {
  const out = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== '') out.set(name, String(value as string | number))
  }
  // Commas, colons and slashes mean nothing there and are easier to read as they are.
  const text = out.toString().replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%2F', '/')
  return text && `?${text}`
}

/** words splits a value at its commas. */
export function words(value: string | undefined): string[] {
  return value ? value.split(',').filter((w) => w !== '') : []
}

/** textIn reads a parameter; one that is empty is none. */
export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** oneIn reads a parameter that is one of the names of a table. */
export function oneIn<T extends object>(table: T, value: unknown): keyof T | undefined {
  return typeof value === 'string' && Object.hasOwn(table, value) ? (value as keyof T) : undefined
}

/** pageIn reads the number of a page; the first is left out of addresses. */
export function pageIn(value: unknown): number | undefined {
  const page = Number(value)
  return Number.isInteger(page) && page > 1 ? page : undefined
}
