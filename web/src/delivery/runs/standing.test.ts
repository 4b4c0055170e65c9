import { describe, expect, test } from 'vitest'
import type { Resource } from '~/kernel/jsonapi'
import { seconds, stagesOf } from './standing'

type Attributes = { status: string; 'plan-only'?: boolean; 'auto-apply'?: boolean; 'status-timestamps'?: Record<string, string> }

const run = (attributes: Attributes) => ({ id: 'run-1', type: 'runs', attributes: { 'plan-only': false, 'auto-apply': false, ...attributes } }) as unknown as Resource<'runs'>
const plan = (status: string, times = {}) => ({ attributes: { status, 'status-timestamps': times } }) as unknown as Resource<'plans'>
const apply = (status: string) => plan(status) as unknown as Resource<'applies'>

describe('stagesOf', () => {
  test('a run that only plans has one stage', () => {
    expect(stagesOf(run({ status: 'planning', 'plan-only': true }), plan('running'), apply('unreachable')).map((s) => s.key)).toEqual(['plan'])
  })

  test.each([
    [{ status: 'planning' }, 'waiting', 'Will ask for confirmation'],
    [{ status: 'planning', 'auto-apply': true }, 'waiting', 'Will apply by itself'],
    [{ status: 'planned' }, 'decision', 'Waits for a person'],
    [{ status: 'applying', 'status-timestamps': { 'confirmed-at': '2026-01-01T00:00:00Z' } }, 'passed', 'Confirmed'],
    [{ status: 'discarded' }, 'stopped', 'Discarded'],
    [{ status: 'planned_and_finished' }, 'skipped', 'Nothing to apply'],
    [{ status: 'errored' }, 'skipped', 'Was not needed'],
  ] as const)('the decision of %o is %s', (attributes, standing, says) => {
    const stage = stagesOf(run(attributes), plan('finished'), apply('pending'))[1]
    expect([stage?.standing, stage?.says]).toEqual([standing, says])
  })

  test('a status of tomorrow is said as it is', () => {
    expect(stagesOf(run({ status: 'planning' }), plan('half_done'), undefined)[0]).toMatchObject({ standing: 'waiting', says: 'half done' })
  })
})

describe('seconds', () => {
  const now = Date.parse('2026-01-01T00:01:00Z')
  test.each([
    ['running', '2026-01-01T00:00:00Z', undefined, 60],
    ['passed', '2026-01-01T00:00:00Z', '2026-01-01T00:00:30Z', 30],
    ['waiting', '2026-01-01T00:00:00Z', undefined, undefined],
    ['running', undefined, undefined, undefined],
    ['running', '2026-01-01T00:02:00Z', undefined, 0],
  ] as const)('%s from %s to %s', (standing, from, to, want) => {
    expect(seconds({ standing, from, to }, now)).toBe(want)
  })
})
