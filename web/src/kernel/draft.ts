// What a form holds while others may change the same thing.
import { useState } from 'react'

type Typed = { was: unknown; now: unknown }

/** Draft is what is typed, by field: with what the server had when that began. */
export type Draft = Readonly<Record<string, Typed>>

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** typedOver puts a change into a draft. */
export function typedOver(draft: Draft, saved: object, change: object): Draft {
  const next: Record<string, Typed> = { ...draft }
  for (const [name, now] of Object.entries(change)) {
    const has = (saved as Record<string, unknown>)[name]
    const typed = draft[name]
    next[name] = { was: typed && !same(typed.now, has) ? typed.was : has, now }
  }
  return next
}

/** without is what was typed since a draft was sent. */
export function without(draft: Draft, sent: Draft): Draft {
  return Object.fromEntries(Object.entries(draft).filter(([name, typed]) => typed !== sent[name]))
}

/** conflicts are the fields that somebody else has saved another value of since they were typed into. */
export function conflicts(draft: Draft, saved: object): string[] {
  const has = saved as Record<string, unknown>
  return Object.keys(draft).filter((name) => !same(draft[name]?.was, has[name]) && !same(draft[name]?.now, has[name]))
}

/** asItIs is a resource as a list has it now; as it was, where the list has it no more. */
export function asItIs<T extends { id: string }>(list: readonly T[] | undefined, item: T): T {
  return list?.find((other) => other.id === item.id) ?? item
}

/**
 * useDraft is what a form shows of what is saved: the fields that were typed into hold
 * that, and the others follow what others save. Pass what is saved as it is now.
 */
export function useDraft<T extends object>(saved: T) {
  const [draft, setDraft] = useState<Draft>({})
  const typed = Object.fromEntries(Object.entries(draft).map(([name, t]) => [name, t.now])) as Partial<T>
  return {
    values: { ...saved, ...typed },
    set: (change: Partial<T>) => setDraft((d) => typedOver(d, saved, change)),
    clean: Object.entries(typed).every(([name, now]) => same(now, (saved as Record<string, unknown>)[name])),
    conflicts: conflicts(draft, saved),
    reset: () => setDraft({}),
    /** sent is called when a save begins; what it returns forgets what was sent, and keeps what was typed since. */
    sent: () => () => setDraft((now) => without(now, draft)),
  }
}
