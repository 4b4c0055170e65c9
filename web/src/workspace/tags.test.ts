import { expect, test } from 'vitest'
import { parseTags, tagQuery, tagText, withTag, writeTags } from './tags'

test('tags of an address are read and written', () => {
  const tags = parseTags('aws,env=prod,,=x,env=test,url=a=b')
  expect(tags.map(tagText)).toEqual(['aws', 'env: test', 'url: a=b'])
  expect(writeTags(tags)).toBe('aws,env=test,url=a=b')
  expect([parseTags(undefined), writeTags([])]).toEqual([[], undefined])
  expect([withTag(undefined, { key: 'aws', value: '' }), withTag('aws,env=prod', { key: 'env', value: 'test' })]).toEqual(['aws', 'aws,env=test'])
})

test('tags are asked for by key and value, and left out by name', () => {
  expect(tagQuery('aws,env=prod', 'old,slow')).toEqual({
    'filter[tagged][0][key]': 'aws', 'filter[tagged][1][key]': 'env', 'filter[tagged][1][value]': 'prod', 'search[exclude-tags]': 'old,slow',
  })
  expect(tagQuery(undefined, undefined)).toEqual({ 'search[exclude-tags]': undefined })
})
