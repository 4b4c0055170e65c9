// The views of a state, as addresses name them.

export const views = { resources: 'Resources', outputs: 'Outputs', graph: 'Graph', raw: 'File' } as const

export type View = keyof typeof views

export function viewOf(v: unknown): View {
  return typeof v === 'string' && v in views ? (v as View) : 'resources'
}
