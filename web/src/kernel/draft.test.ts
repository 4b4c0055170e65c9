import { expect, test } from 'vitest'
import { conflicts, typedOver } from './draft'

test('what two people do to a form: each field is told of that both have changed', () => {
  const first = { name: 'web', description: '', tags: ['a'] }
  let draft = typedOver({}, first, { description: 'of ada' })
  draft = typedOver(draft, first, { description: 'of ada, longer', tags: ['a', 'b'] })
  expect(conflicts(draft, first)).toEqual([])
  expect(conflicts(draft, { ...first, name: 'web2' })).toEqual([]) // a field that only the other one has changed
  expect(conflicts(draft, { ...first, description: 'of grace', tags: ['a'] })).toEqual(['description'])
  expect(conflicts(draft, { ...first, description: 'of ada, longer', tags: ['a', 'b'] })).toEqual([]) // it is saved
  const saved = { ...first, description: 'of ada, longer' }
  expect(conflicts(typedOver(draft, saved, { description: 'next' }), saved)).toEqual([]) // what is typed after that begins anew
})
