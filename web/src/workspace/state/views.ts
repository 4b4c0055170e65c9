// The views of a state, as addresses name them.

/** views are what a state can be looked at as. */
export const views = { resources: 'Resources', outputs: 'Outputs', graph: 'Graph', raw: 'File' } as const

/** View is one of them. */
export type View = keyof typeof views

/** viewOf reads an address. */
export function viewOf(v: unknown): View {
  return typeof v === 'string' && v in views ? (v as View) : 'resources'
}
