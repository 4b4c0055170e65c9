import { expect, test } from 'vitest'
import { linesOf, variablesOf } from './draft'

test('lines that say nothing are left out', () => {
  expect(linesOf(' a \n\n b/*\n')).toEqual(['a', 'b/*'])
})

test('a value may have signs of equality, and no variables are none', () => {
  expect(variablesOf('A=b=c\n  TF_VAR_x = 1 ')).toEqual({ A: 'b=c', TF_VAR_x: ' 1' })
  expect(variablesOf(' \n')).toBeUndefined()
})
