import { expect, test } from 'vitest'
import { adviceFor } from './advice'

test.each([
  ['errored', 'errored', 'unreachable', 'The plan failed', 'plan'],
  ['errored', 'finished', 'errored', 'The apply failed', 'apply'],
  ['errored', 'unreachable', 'unreachable', 'before an engine began', undefined],
  ['canceled', 'finished', 'canceled', 'stopped on its way', 'apply'],
  ['canceled', 'canceled', 'unreachable', 'before it changed anything', undefined],
  ['discarded', 'finished', 'unreachable', 'nothing was changed', undefined],
])('a run that is %s, its plan %s and its apply %s', (status, plan, apply, says, hash) => {
  const advice = adviceFor({ status, plan, apply, planOnly: false })
  expect(advice?.says).toContain(says)
  expect(advice?.steps.find((s) => s.hash)?.hash).toBe(hash)
  expect(advice?.steps.at(-1)).toEqual({ label: 'Start again', again: true })
})

test('nothing is said of what goes well', () => {
  for (const status of ['applied', 'planned', 'planning', 'planned_and_finished']) expect(adviceFor({ status, plan: 'finished', apply: 'finished', planOnly: false })).toBeUndefined()
})
