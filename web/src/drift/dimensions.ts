// What open findings are plotted by, and over how long.

/** dimensions are what lines of the plot stand for. */
export const dimensions = { severity: 'By severity', kind: 'By kind', provider: 'By provider', workspace: 'By workspace', schedule: 'By schedule', total: 'All together' } as const
/** ranges are over how many days. */
export const ranges = { 7: 'A week', 30: '30 days', 90: '90 days' } as const
