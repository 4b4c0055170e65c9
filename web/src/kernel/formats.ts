// How times, durations, sizes and counts are written.

const relative = new Intl.RelativeTimeFormat('en', { style: 'short' })
const days = new Intl.RelativeTimeFormat('en', { numeric: 'auto' }) // yesterday, tomorrow
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' })
const steps = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** near is how far the clocks of a server and a browser may differ, in seconds: what is so little ahead has happened. */
const near = 30

/** ago is a time relative to now: "5 min ago", "tomorrow"; less than a minute is "just now" or "in a moment". */
export function ago(time: string | Date, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1000
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return (unit === 'day' ? days : relative).format(Math.trunc(seconds / size), unit).replace('.', '')
  }
  return seconds > near ? 'in a moment' : 'just now'
}

/** lasting is for how long something has been so: "for 3 days"; less than a minute is "since just now". */
export function lasting(from: string | Date, now = Date.now()): string {
  const seconds = (now - new Date(from).getTime()) / 1000
  for (const [unit, size] of steps) {
    if (seconds >= size) return `for ${count(Math.trunc(seconds / size), unit)}`
  }
  return 'since just now'
}

/** moment is a time in full, in the zone of the browser. */
export function moment(time: string | Date): string {
  return exact.format(new Date(time))
}

const calendar = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric', timeZone: 'UTC' })

/** calendarDay is a day in UTC: "Nov 22". */
export function calendarDay(day: string | number): string {
  return calendar.format(new Date(day))
}

/** duration is a time span: "under 1 s", "4 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s === 0) return 'under 1 s'
  if (s < 60) return `${s} s`
  if (s < 3600) return s % 60 === 0 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 60)} min ${s % 60} s`
  const min = Math.floor((s % 3600) / 60)
  return min === 0 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 3600)} h ${min} min`
}

/** brief is the beginning of a text, in one line. */
export function brief(text: string, most = 100): string {
  const [line = ''] = text.trim().split('\n')
  return line.length > most ? `${line.slice(0, most - 1).trimEnd()}…` : line
}

const numbers = new Intl.NumberFormat('en')

/** count is a number of things: count(1, "run") is "1 run", count(2, "run") "2 runs". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${numbers.format(n)} ${n === 1 ? one : many}`
}

/** number is a number with its thousands apart: "1,200". */
export function number(n: number): string {
  return numbers.format(n)
}

/** bytes is a size: "812 B", "1.4 kB", "20 MB". */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let at = 0
  let size = n
  while (size >= 1000 && at < units.length - 1) {
    size /= 1000
    at++
  }
  return `${at > 0 && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[at]}`
}
