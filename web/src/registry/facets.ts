// What a list of the registry is narrowed to, by its address.
import { oneIn, pageIn, textIn } from '~/kernel/search'

const kinds = { private: 'Our own', public: 'Public' } as const

/** Facets narrow a list; page is which part of it is shown, from 1. */
export type Facets = { q?: string | undefined; kind?: keyof typeof kinds | undefined; provider?: string | undefined; page?: number | undefined }

/** kindIn reads whether only the organization's own are wanted, or only public ones. */
export function kindIn(value: unknown): Facets['kind'] {
  return oneIn(kinds, value)
}

/** facetsOf reads an address. */
export function facetsOf(s: Record<string, unknown>): Facets {
  return { q: textIn(s.q), provider: textIn(s.provider), kind: kindIn(s.kind), page: pageIn(s.page) }
}
