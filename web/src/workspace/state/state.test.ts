import { describe, expect, test } from 'vitest'
import { difference } from './difference'
import { read, UnreadableState } from './file'
import { graphOf, maxNodes } from './graph'

const file = (more: object) =>
  JSON.stringify({ version: 4, serial: 3, lineage: 'l', terraform_version: '1.10.0', outputs: {}, resources: [], ...more })

const resource = (name: string, instances: object[], more: object = {}) => ({
  mode: 'managed',
  type: 'null_resource',
  name,
  provider: 'provider["registry.opentofu.org/hashicorp/null"]',
  instances,
  ...more,
})

describe('a state file', () => {
  test('has instances with addresses', () => {
    const s = read(
      file({
        resources: [
          resource('a', [
            { index_key: 10, attributes: { id: '1' } },
            { index_key: 9, attributes: { id: '2' }, status: 'tainted' },
          ]),
          resource('b', [{ index_key: 'x"y', attributes: {} }], { module: 'module.m[0]', mode: 'data' }),
          resource('c', [{ attributes: {}, deposed: '0badcafe' }]),
        ],
      }),
    )
    expect(s.resources.map((r) => r.address)).toEqual([
      'module.m[0].data.null_resource.b["x\\"y"]',
      'null_resource.a[9]',
      'null_resource.a[10]',
      'null_resource.c (deposed 0badcafe)',
    ])
    expect(s.resources[1]).toMatchObject({ tainted: true, resource: 'null_resource.a', provider: 'registry.opentofu.org/hashicorp/null' })
  })

  test('marks sensitive attributes', () => {
    const attributes = { p: 'x', l: [{ k: 'y' }, { k: 'z' }], m: { a: 'b' } }
    const path = (...steps: unknown[]) => steps
    const attr = (value: string) => ({ type: 'get_attr', value })
    const s = read(
      file({
        resources: [
          resource('a', [
            {
              attributes,
              sensitive_attributes: [
                path(attr('p')),
                path(attr('l'), { type: 'index', value: { value: 1, type: 'number' } }, attr('k')),
                path(attr('m'), { type: 'index', value: { value: 'a', type: 'string' } }),
              ],
            },
          ]),
        ],
      }),
    )
    expect(s.resources[0]?.sensitive).toEqual({ p: true, l: [undefined, { k: true }], m: { a: true } })
  })

  test('has values without the types that engines wrap around them, and masks what is in them', () => {
    const input = { value: { password: 'x', l: ['a'] }, type: ['object', { password: 'string', l: ['list', 'string'] }] }
    const steps = [{ type: 'get_attr', value: 'input' }, { type: 'get_attr', value: 'password' }]
    const of = (type: string) => read(file({ resources: [{ ...resource('a', [{ attributes: { input, word: { value: 'w', type: 'string' } }, sensitive_attributes: [steps] }]), type }] })).resources[0]
    expect(of('terraform_data')).toMatchObject({ attributes: { input: { password: 'x', l: ['a'] }, word: 'w' }, sensitive: { input: { password: true } } })
    expect(of('other')?.attributes['word']).toEqual({ value: 'w', type: 'string' })
  })

  test.each([
    ['nothing', '', 'not JSON'],
    ['format 3', '{"version":3}', 'format 3'],
    ['an encrypted one', '{"encrypted_data":"x","encryption_version":"v0"}', 'encrypted'],
  ])('%s cannot be read', (_, text, want) => {
    expect(() => read(text)).toThrow(UnreadableState)
    expect(() => read(text)).toThrow(want)
  })
})

describe('the difference of two states', () => {
  const before = read(
    file({
      resources: [
        resource('gone', [{ attributes: { id: 'g' } }]),
        resource('same', [{ attributes: { id: 's', n: { a: 1, b: 2 } } }]),
        resource('new', [{ attributes: { id: '1', v: 'x', pw: 'old-secret' }, sensitive_attributes: [[{ type: 'get_attr', value: 'pw' }]] }]),
      ],
      outputs: {
        o: { value: 1, type: 'number' },
        secret: { value: 'old-secret', type: 'string', sensitive: true },
        kept: { value: [1], type: ['list', 'number'] },
      },
    }),
  )
  const after = read(
    file({
      resources: [
        resource('same', [{ attributes: { n: { b: 2, a: 1 }, id: 's' } }]),
        resource('new', [{ attributes: { id: '2', v: 'y', pw: 'new-secret' }, sensitive_attributes: [[{ type: 'get_attr', value: 'pw' }]] }]),
        resource('come', [{ attributes: { id: 'c' } }]),
      ],
      outputs: {
        o: { value: 2, type: 'number' },
        secret: { value: 'new-secret', type: 'string', sensitive: true },
        kept: { value: [1], type: ['list', 'number'] },
      },
    }),
  )
  const d = difference(before, after)

  test('is what came, went and changed', () => {
    expect(d.resources.map((r) => [r.address, r.op, r.recreated])).toEqual([
      ['null_resource.come', 'add', false],
      ['null_resource.gone', 'remove', false],
      ['null_resource.new', 'change', true],
    ])
    expect([d.unchanged, d.otherLineage]).toEqual([1, false])
    expect(d.outputs.map((o) => [o.name, o.op])).toEqual([
      ['o', 'change'],
      ['secret', 'change'],
    ])
  })

  test('shows nothing sensitive', () => {
    const text = JSON.stringify([d.resources.map((r) => r.nodes()), d.outputs])
    expect(text).not.toContain('-secret')
    expect(text).toContain('"x"'.replaceAll('"', '\\"'))
  })

  test('tells states of different infrastructures', () => {
    expect(difference(before, read(file({ lineage: 'other' }))).otherLineage).toBe(true)
  })
})

describe('the graph of a state', () => {
  const dependent = (name: string, dependencies: string[], more: object = {}) => resource(name, [{ attributes: {}, dependencies }], more)

  test('has direct dependencies only', () => {
    const g = graphOf(
      read(
        file({
          resources: [
            dependent('a', []),
            dependent('b', ['null_resource.a']),
            dependent('c', ['null_resource.a', 'null_resource.b', 'null_resource.nowhere']),
          ],
        }),
      ),
    )
    expect(g.edges).toEqual([
      { from: 'null_resource.a', to: 'null_resource.b' },
      { from: 'null_resource.b', to: 'null_resource.c' },
    ])
    expect(g.folded).toBe(false)
  })

  test('counts instances', () => {
    const g = graphOf(
      read(
        file({
          resources: [
            resource('a', [
              { index_key: 0, attributes: {} },
              { index_key: 1, attributes: {} },
            ]),
          ],
        }),
      ),
    )
    expect(g.nodes).toEqual([{ id: 'null_resource.a', kind: 'resource', label: 'a', type: 'null_resource', module: '', count: 2 }])
  })

  test('keeps circles, which no engine makes', () => {
    expect(graphOf(read(file({ resources: [dependent('a', ['null_resource.b']), dependent('b', ['null_resource.a'])] }))).edges).toHaveLength(2)
  })

  test('folds modules when there is much, and opens one', () => {
    const many = Array.from({ length: maxNodes + 1 }, (_, i) =>
      dependent(`r${String(i)}`, i === 0 ? [] : ['null_resource.root'], { module: i % 2 === 0 ? 'module.even' : 'module.odd["k.x"].module.in' }),
    )
    const s = read(file({ resources: [dependent('root', []), ...many] }))
    const g = graphOf(s)
    expect(g.folded).toBe(true)
    expect(g.nodes.map((n) => [n.id, n.kind]).sort()).toEqual([
      ['module.even', 'module'],
      ['module.odd["k.x"]', 'module'],
      ['null_resource.root', 'resource'],
    ])
    expect(g.edges).toContainEqual({ from: 'null_resource.root', to: 'module.even' })
    expect(graphOf(s, 'module.even')).toMatchObject({ folded: false })
  })

  test('of 2,000 resources in a chain is made in a moment', () => {
    const names = Array.from({ length: 2000 }, (_, i) => `r${String(i)}`)
    const chain = names.map((n, i) =>
      dependent(
        n,
        names.slice(Math.max(0, i - 50), i).map((d, j) => `module.m${String(Math.max(0, i - 50) + j)}.null_resource.${d}`),
        { module: `module.m${String(i)}` },
      ),
    )
    const start = performance.now()
    const g = graphOf(read(file({ resources: chain })))
    expect(g.edges).toHaveLength(1999)
    expect(performance.now() - start).toBeLessThan(15_000)
  })
})
