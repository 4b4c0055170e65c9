// What two sequences have in common. Elements are compared by texts that are equal for
// equal elements.

/** Pair is an index in each of the sequences. */
type Pair = readonly [number, number]

/** maxPairs is how large a table may be with which two sequences are compared. */
const maxPairs = 1_000_000

/** anchors is the longest common subsequence; of long sequences only what they begin and end with. */
export function anchors(was: readonly string[], is: readonly string[]): Pair[] {
  let start = 0
  while (start < was.length && start < is.length && was[start] === is[start]) start++
  let end = 0
  while (end < was.length - start && end < is.length - start && was[was.length - 1 - end] === is[is.length - 1 - end]) end++
  const middle = inner(was.slice(start, was.length - end), is.slice(start, is.length - end))
  return [
    ...Array.from({ length: start }, (_, i): Pair => [i, i]),
    ...middle.map(([w, i]): Pair => [w + start, i + start]),
    ...Array.from({ length: end }, (_, i): Pair => [was.length - end + i, is.length - end + i]),
  ]
}

function inner(a: readonly string[], b: readonly string[]): Pair[] {
  if (a.length * b.length > maxPairs) return []
  const width = b.length + 1
  const table = new Uint32Array((a.length + 1) * width)
  const cell = (i: number, j: number) => table[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] = a[i] === b[j] ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1))
    }
  }
  const out: Pair[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) out.push([i++, j++])
    else if (cell(i + 1, j) >= cell(i, j + 1)) i++
    else j++
  }
  return out
}

/** matches is what two sets have in common, each element once. */
export function matches(was: readonly string[], is: readonly string[]): Pair[] {
  const where = new Map<string, number[]>()
  is.forEach((v, i) => {
    const at = where.get(v)
    if (at === undefined) where.set(v, [i])
    else at.push(i)
  })
  const out: Pair[] = []
  was.forEach((v, i) => {
    const at = where.get(v)?.shift()
    if (at !== undefined) out.push([i, at])
  })
  return out
}

/** TextLine is a line of a text before and after. */
export interface TextLine {
  readonly op: 'add' | 'remove' | 'same'
  readonly text: string
}

/** textLines compares two texts line by line. */
export function textLines(was: readonly string[], is: readonly string[]): TextLine[] {
  const out: TextLine[] = []
  let [i, j] = [0, 0]
  for (const [w, s] of [...anchors(was, is), [was.length, is.length] as const]) {
    for (; i < w; i++) out.push({ op: 'remove', text: was[i] ?? '' })
    for (; j < s; j++) out.push({ op: 'add', text: is[j] ?? '' })
    if (w < was.length) out.push({ op: 'same', text: was[w] ?? '' })
    ;[i, j] = [w + 1, s + 1]
  }
  return out
}
