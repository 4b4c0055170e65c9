import { describe, expect, test } from 'vitest'
import { attributesOf, blank, variablesOf } from './start'

describe('what a run is started with', () => {
  test('is little by default', () => {
    expect(attributesOf(blank)).toEqual({ message: 'Started in the UI' })
  })
  test('is only what its kind takes', () => {
    const all = { ...blank, message: ' why ', targets: 'a.b\n\n c.d ', replaces: 'a.b', actions: 'x.y', version: '1.10.0', auto: 'no', refresh: false, empty: true, generate: true, debug: true } as const
    expect(attributesOf({ ...all, kind: 'apply' })).toEqual({
      message: 'why', 'target-addrs': ['a.b', 'c.d'], 'replace-addrs': ['a.b'], 'invoke-action-addrs': ['x.y'], 'auto-apply': false, refresh: false, 'allow-empty-apply': true, 'allow-config-generation': true, 'debugging-mode': true,
    })
    expect(attributesOf({ ...all, kind: 'plan' })).toMatchObject({ 'plan-only': true, 'terraform-version': '1.10.0' })
    expect(attributesOf({ ...all, kind: 'plan' })).not.toHaveProperty('auto-apply')
    expect(attributesOf({ ...all, kind: 'save' })).toMatchObject({ 'save-plan': true })
    expect(attributesOf({ ...all, kind: 'destroy' })).toEqual({ message: 'why', 'is-destroy': true, 'target-addrs': ['a.b', 'c.d'], 'auto-apply': false, refresh: false, 'debugging-mode': true })
    expect(attributesOf({ ...all, kind: 'refresh' })).not.toHaveProperty('refresh')
  })
})

describe('variables', () => {
  test('are expressions; what is none is text', () => {
    expect(variablesOf('n = 3\nregion = eu-1\nquoted = "x"\nlist = ["a", "b"]\n\nyes=true\nodd = a ${b} "c"')).toEqual([
      { key: 'n', value: '3' }, { key: 'region', value: '"eu-1"' }, { key: 'quoted', value: '"x"' }, { key: 'list', value: '["a", "b"]' }, { key: 'yes', value: 'true' }, { key: 'odd', value: '"a $${b} \\"c\\""' },
    ])
  })
  test('that are none are refused', () => {
    expect(() => variablesOf('region')).toThrow('name = value')
  })
})
