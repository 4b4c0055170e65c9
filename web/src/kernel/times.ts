// Times that the API is told.

/** day is a day in ms. */
export const day = 86_400_000

/** inDays is the time in some days, as a select holds them; null, which is no end, for none. */
export function inDays(days: string): string | null {
  return days === '' ? null : new Date(Date.now() + Number(days) * day).toISOString()
}

/** isOver is whether a time has passed; no end never does. */
export function isOver(at: string | null): boolean {
  return at !== null && Date.parse(at) < Date.now()
}
