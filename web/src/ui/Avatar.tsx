/** Avatar is the first letter of a name, beside the name. */
export function Avatar({ name }: { name: string }) {
  return (
    <span
      aria-hidden="true"
      data-letter={name.slice(0, 1)}
      className="flex size-6 shrink-0 items-center justify-center rounded-full bg-accent-soft text-xs font-semibold text-accent uppercase before:content-[attr(data-letter)]"
    />
  )
}
