type Tally = { 'resource-additions': number | null; 'resource-changes': number | null; 'resource-destructions': number | null; 'resource-imports': number | null }

/** Counts says how many resources are added, changed and destroyed, by signs or in words. */
export function Counts({ of, done, words }: { of: Tally; done?: boolean; words?: boolean }) {
  const all = [
    { n: of['resource-imports'] ?? 0, sign: '←', word: done ? 'imported' : 'to import', className: 'text-info' },
    { n: of['resource-additions'] ?? 0, sign: '+', word: done ? 'added' : 'to add', className: 'text-ok' },
    { n: of['resource-changes'] ?? 0, sign: '~', word: done ? 'changed' : 'to change', className: 'text-warn' },
    { n: of['resource-destructions'] ?? 0, sign: '−', word: done ? 'destroyed' : 'to destroy', className: 'text-bad' },
  ].filter((c) => c.n > 0)
  if (all.length === 0) return <span className="text-sm font-normal text-muted">No changes</span>
  if (words) return all.map((c) => <span key={c.word} className={c.className}><b className="font-semibold tabular">{c.n}</b> {c.word}</span>)
  return (
    <span className="flex gap-2.5 font-mono text-sm font-medium tabular">
      {all.map((c) => (
        <span key={c.word} className={c.className} title={`${c.n} ${c.word}`}>
          <span aria-hidden="true">{c.sign}{c.n}</span>
          <span className="sr-only">{c.n} {c.word}</span>
        </span>
      ))}
    </span>
  )
}
