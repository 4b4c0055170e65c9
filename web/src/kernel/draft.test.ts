import { expect, test } from 'vitest'
import { conflicts, typedOver, without } from './draft'

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

test('what was sent is forgotten, and what was typed meanwhile stays', () => {
  const saved = { name: 'web', description: '' }
  const sent = typedOver(typedOver({}, saved, { name: 'web ' }), saved, { description: 'one' })
  expect(without(sent, sent)).toEqual({})
  const meanwhile = typedOver(sent, saved, { description: 'two' })
  expect(without(meanwhile, sent)).toEqual({ description: { was: '', now: 'two' } })
  expect(conflicts(without(sent, sent), { ...saved, name: 'web' })).toEqual([]) // the server has trimmed it
})
