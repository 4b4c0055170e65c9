/** constraintOf is the version constraint to use: of the newest version all that are compatible with it, of another that one alone. */
export function constraintOf(version: string, newestFirst: readonly string[]): string {
  const m = /^(\d+)\.(\d+)\.(\d+)$/.exec(version)
  if (!m || version !== newestFirst.find((v) => /^\d+\.\d+\.\d+$/.test(v))) return version
  return m[1] === '0' ? `~> 0.${m[2]}.${m[3]}` : `~> ${m[1]}.${m[2]}`
}

/** byVersion orders semantic versions, the newest first; pre-releases come after what they precede. */
export function byVersion(a: string, b: string): number {
  const [x, y] = [split(a), split(b)]
  for (let i = 0; i < 3; i++) {
    const d = (y.numbers[i] ?? 0) - (x.numbers[i] ?? 0)
    if (d !== 0) return d
  }
  if (x.pre === y.pre) return 0
  if (x.pre === '') return -1
  if (y.pre === '') return 1
  return y.pre.localeCompare(x.pre, 'en', { numeric: true })
}

function split(v: string): { numbers: number[]; pre: string } {
  const [core = '', ...pre] = (v.split('+')[0] ?? '').split('-')
  return { numbers: core.split('.').map(Number), pre: pre.join('-') }
}
