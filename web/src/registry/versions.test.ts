import { expect, test } from 'vitest'
import { byVersion, constraintOf } from './versions'

test.each([
  ['1.4.2', ['1.4.2', '1.4.1'], '~> 1.4'],
  ['0.3.1', ['0.3.1'], '~> 0.3.1'],
  ['1.4.1', ['1.4.2', '1.4.1'], '1.4.1'],
  ['2.0.0-beta1', ['2.0.0-beta1', '1.4.2'], '2.0.0-beta1'],
  ['1.4.2', ['2.0.0-beta1', '1.4.2'], '~> 1.4'],
] as const)('the constraint for %s of %o is %s', (version, all, want) => {
  expect(constraintOf(version, all)).toBe(want)
})

test('versions are ordered by their numbers', () => {
  expect(['1.9.0', '1.10.0', '2.0.0-rc2', '2.0.0', '2.0.0-rc10'].toSorted(byVersion)).toEqual(['2.0.0', '2.0.0-rc10', '2.0.0-rc2', '1.10.0', '1.9.0'])
})
