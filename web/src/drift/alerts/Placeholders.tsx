import { placeholders } from './types'

/** Placeholders are words that can be put into the texts with a click. */
export function Placeholders({ onInsert }: { onInsert: (name: string) => void }) {
  return (
    <details className="rounded-md border border-line">
      <summary className="px-3 py-2 font-medium">Placeholders: words that are replaced</summary>
      <div className="space-y-3 border-t border-line px-3 py-3">
        <p className="text-sm text-muted">A click puts one where the cursor is. Write {'${REPO}'} where a letter follows.</p>
        {placeholders.map((g) => (
          <div key={g.group}>
            <h3 className="mb-1 text-sm font-medium text-muted">{g.group}</h3>
            <ul className="space-y-1">
              {g.names.map(([name, about]) => (
                <li key={name} className="flex min-w-0 items-baseline gap-2 text-sm">
                  <button type="button" onClick={() => onInsert(name)} aria-label={`Insert ${name}`} className="shrink-0 rounded border border-line bg-sunken px-1.5 py-0.5 font-mono text-xs hover:border-accent hover:text-accent">{name}</button>
                  <span className="min-w-0 text-muted">{about}</span>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
    </details>
  )
}
