import { keyNames, useAllCommands } from '~/kernel/keyboard'
import { Dialog } from '~/ui/Dialog'

/** Keys are keys as they are printed on the keyboard. */
export function Keys({ names }: { names: string[] }) {
  return (
    <span className="inline-flex gap-1">
      {names.map((n) => (
        <kbd key={n} className="inline-flex h-5 min-w-5 items-center justify-center rounded border border-line bg-surface px-1 font-sans text-xs text-muted">{n}</kbd>
      ))}
    </span>
  )
}

/** Shortcuts lists the keys that work on this screen. */
export function Shortcuts({ onClose }: { onClose: () => void }) {
  const commands = useAllCommands().filter((c) => c.keys)
  const groups = [...new Set(commands.map((c) => c.group ?? 'This screen'))]
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      {groups.map((g) => (
        <section key={g} className="mt-3">
          <h3 className="text-sm text-muted">{g}</h3>
          <ul className="mt-1">
            {commands.filter((c) => (c.group ?? 'This screen') === g).map((c) => (
              <li key={c.id} className="flex h-8 items-center justify-between border-b border-line last:border-0">
                {c.title}
                <Keys names={keyNames(c.keys ?? '')} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </Dialog>
  )
}
