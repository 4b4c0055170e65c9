import { useSite } from '~/kernel/site'
import { Words } from '~/ui/Words'

/** Footer is what administrators want at the end of every page. */
export function Footer() {
  const footer = useSite()?.footer
  if (!footer) return null
  return <footer className="mx-auto max-w-6xl px-4 pb-6 text-center text-sm text-muted sm:px-6"><Words html={footer} /></footer>
}
