// The part of an address after "?": plain text, as people read and share it.

export type Search = Record<string, string | number | boolean | undefined>

export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text))
}

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
