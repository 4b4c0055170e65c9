// A schedule while it is being written.
import type { Resource } from '~/kernel/jsonapi'

export type Draft = ReturnType<typeof draftOf>

/** Part is what each part of the form gets. */
export type Part = { draft: Draft; onChange: (change: Partial<Draft>) => void; wrong: Record<string, string> }

export function draftOf(schedule: Resource<'drift-schedules'> | undefined) {
  const was = schedule?.attributes
  return {
    name: was?.name ?? '', branch: was?.branch ?? '', folders: was?.folders.join('\n') ?? '.',
    frequency: was?.frequency ?? 'daily', 'frequency-offset': was?.['frequency-offset'] ?? '',
    tool: was?.tool ?? 'auto', 'tool-version': was?.['tool-version'] ?? '', workspace: was?.workspace ?? '', mode: was?.mode ?? 'plan',
    timeout: String(Math.round((was?.timeout ?? 1800) / 60)), 'var-files': was?.['var-files'].join('\n') ?? '', env: '', forgetEnv: false,
    'min-severity': was?.['min-severity'] ?? 'info', 'alert-on-change-only': was?.['alert-on-change-only'] ?? true, 'alert-on-error': was?.['alert-on-error'] ?? false,
    'alert-on-pending': was?.['alert-on-pending'] ?? false, 'alert-on-resolved': was?.['alert-on-resolved'] ?? true, 'skip-check': false,
  }
}

/** linesOf are the lines of a text that say something. */
export function linesOf(text: string): string[] {
  return text.split('\n').map((l) => l.trim()).filter(Boolean)
}

/** variablesOf reads NAME=value lines; undefined if there are none. */
export function variablesOf(text: string): Record<string, string> | undefined {
  const pairs = linesOf(text).map((l) => [l.split('=', 1)[0]?.trim() ?? '', l.includes('=') ? l.slice(l.indexOf('=') + 1) : ''] as const)
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs)
}
