import { describe, expect, test } from 'vitest'
import type { Node } from '~/kernel/diff/model'
import type { ChangeDocument, Document, ProviderSchema } from './document'
import { find, read } from './plan'

const change = (c: Partial<ChangeDocument>, more: object = {}, schemas?: Record<string, ProviderSchema>): Document => ({
  resource_changes: [
    { address: 'aws_x.a', type: 'aws_x', name: 'a', mode: 'managed', provider_name: 'p', change: { actions: ['update'], ...c }, ...more },
  ],
  ...(schemas === undefined ? {} : { provider_schemas: schemas }),
})

const only = (doc: Document) => {
  const [c] = read(doc).changes
  if (c === undefined) throw new Error('no change')
  return c
}

/** lines draws nodes, so that tests can be read. */
const lines = (nodes: readonly Node[], indent = ''): string[] =>
  nodes.flatMap((n) => {
    const sign = { add: '+', remove: '-', change: '~', same: ' ' }[n.op]
    const name = n.key === '' ? '' : n.block ? `${n.key} ` : `${n.key} = `
    const end = n.replaces ? ' # replaces' : ''
    if (n.children !== undefined) return [`${indent}${sign} ${name}${n.brackets ?? ''}${end}`, ...lines(n.children, indent + '  ')]
    if (n.lines !== undefined)
      return [`${indent}${sign} ${name}text${end}`, ...n.lines.map((l) => `${indent}  ${{ add: '+', remove: '-', same: ' ' }[l.op]} ${l.text}`)]
    const after = n.unknown ? '(known after apply)' : (n.after ?? 'gone')
    const value = n.sensitive
      ? '(sensitive)'
      : n.op === 'add'
        ? after
        : n.op === 'same'
          ? (n.before ?? '')
          : n.op === 'remove'
            ? (n.before ?? '')
            : `${n.before ?? ''} -> ${after}`
    return [`${indent}${sign} ${name}${value}${end}`]
  })

const drawn = (doc: Document) => lines(only(doc).nodes())

describe('what becomes of a resource', () => {
  test.each([
    [['create'], {}, 'create'],
    [['update'], {}, 'update'],
    [['delete', 'create'], {}, 'replace'],
    [['create', 'delete'], {}, 'replace'],
    [['delete'], {}, 'delete'],
    [['read'], {}, 'read'],
    [['forget'], {}, 'forget'],
    [['no-op'], { previous_address: 'aws_x.old' }, 'move'],
  ] as const)('%s %o is %s', (actions, more, want) => {
    const c = only(change({ actions }, more))
    expect([c.action, c.createFirst]).toEqual([want, actions[0] === 'create' && actions.length === 2])
  })

  test('what stays as it is, is left out', () => {
    expect(read(change({ actions: ['no-op'] })).changes).toEqual([])
  })

  test('an import with an update counts as both', () => {
    const plan = read(change({ actions: ['update'], importing: { id: 'i-1' } }))
    expect([plan.counts.import, plan.counts.update, plan.changes[0]?.importing]).toEqual([1, 1, 'i-1'])
  })

  test('a reason is told in words, an unknown one not at all', () => {
    expect(only(change({}, { action_reason: 'replace_because_tainted' })).reason).toBe('it is tainted')
    expect(only(change({}, { action_reason: 'of_tomorrow' })).reason).toBeUndefined()
  })
})

describe('attributes', () => {
  test('are added, removed, changed and stay', () => {
    const doc = change({ before: { a: 'x', b: 1, c: true, d: null }, after: { a: 'x', b: 2, c: null, d: 'new' } })
    expect(drawn(doc)).toEqual(['  a = "x"', '~ b = 1 -> 2', '- c = true', '+ d = "new"'])
  })

  test('are unknown before the apply', () => {
    const doc = change({ before: { id: '1', tags: { x: '1' } }, after: { tags: {} }, after_unknown: { id: true, arn: true, tags: { x: true } } })
    expect(drawn(doc)).toEqual([
      '+ arn = (known after apply)',
      '~ id = "1" -> (known after apply)',
      '~ tags = {}',
      '  ~ x = "1" -> (known after apply)',
    ])
  })

  test('are masked by their marks and by the words of the server, and not shown', () => {
    const doc = change({
      before: { a: 's3cret', m: { k: 's3cret' }, s: '(sensitive value)' },
      after: { a: 's4cret', m: { k: 's3cret' }, s: '(sensitive value, changed)' },
      before_sensitive: { m: { k: true } },
      after_sensitive: { a: true, m: { k: true } },
    })
    expect(drawn(doc)).toEqual(['~ a = (sensitive)', '  m = {}', '    k = (sensitive)', '~ s = (sensitive)'].map((l) => l))
    expect(JSON.stringify(only(doc).nodes())).not.toMatch(/s[34]cret/)
  })

  test('that force a replacement say so', () => {
    const doc = change({
      actions: ['delete', 'create'],
      before: { a: 1, n: [{ x: 1, y: 1 }] },
      after: { a: 2, n: [{ x: 2, y: 1 }] },
      replace_paths: [['a'], ['n', 0, 'x']],
    })
    expect(drawn(doc)).toEqual(['~ a = 1 -> 2 # replaces', '~ n = []', '  ~ {}', '    ~ x = 1 -> 2 # replaces', '      y = 1'])
  })

  test('of lists keep what stays in its order', () => {
    const doc = change({ before: { l: ['a', 'b', 'c'] }, after: { l: ['b', 'c', 'd'] } })
    expect(drawn(doc)).toEqual(['~ l = []', '  - "a"', '    "b"', '    "c"', '  + "d"'])
  })

  test('that hold JSON are taken apart', () => {
    const doc = change({ before: { policy: '{"a":[1],"b":2}' }, after: { policy: '{"a":[1,2],"b":2}' } })
    expect(drawn(doc)).toEqual(['~ policy = json{}', '  ~ a = []', '      1', '    + 2', '    b = 2'])
  })

  test('that hold JSON with other spaces are shown as they are', () => {
    const doc = change({ before: { policy: '{"a":1}' }, after: { policy: '{"a": 1}' } })
    expect(drawn(doc)).toEqual(['~ policy = "{\\"a\\":1}" -> "{\\"a\\": 1}"'])
  })

  test('of several lines are compared line by line', () => {
    const doc = change({ before: { t: 'a\nb\nc\n' }, after: { t: 'a\nx\nc\n' } })
    expect(drawn(doc)).toEqual(['~ t = text', '    a', '  - b', '  + x', '    c'])
  })

  test('with names that objects have anyway are no trap', () => {
    const doc = change({ before: JSON.parse('{"__proto__":{"x":1},"constructor":"a"}') as unknown, after: { constructor: 'b' } })
    expect(drawn(doc)).toEqual(['- __proto__ = {}', '  - x = 1', '~ constructor = "a" -> "b"'])
  })
})

describe('with schemas', () => {
  const schemas: Record<string, ProviderSchema> = {
    p: {
      resource_schemas: {
        aws_x: {
          block: {
            attributes: { ids: { type: ['set', 'string'] }, tags: { type: ['map', 'string'] } },
            block_types: {
              rule: { nesting_mode: 'set', block: { attributes: { ports: { type: ['list', 'number'] } } } },
              step: { nesting_mode: 'list', block: {} },
              time: { nesting_mode: 'single', block: {} },
            },
          },
        },
      },
    },
  }

  test('sets have no order', () => {
    expect(drawn(change({ before: { ids: ['a', 'b'] }, after: { ids: ['c', 'a'] } }, {}, schemas))).toEqual([
      '~ ids = []',
      '    "a"',
      '  - "b"',
      '  + "c"',
    ])
  })

  test('blocks are one by one, after the attributes', () => {
    const doc = change(
      {
        before: { rule: [{ ports: [1] }, { ports: [2] }], step: [{ a: 1 }], tags: {} },
        after: { rule: [{ ports: [2] }, { ports: [3] }], step: [{ a: 2 }], tags: {}, time: { h: 1 } },
      },
      {},
      schemas,
    )
    expect(drawn(doc)).toEqual([
      '  tags = {}',
      '- rule {}',
      '  - ports = []',
      '    - 1',
      '  rule {}',
      '    ports = []',
      '      2',
      '+ rule {}',
      '  + ports = []',
      '    + 3',
      '~ step {}',
      '  ~ a = 1 -> 2',
      '+ time {}',
      '  + h = 1',
    ])
  })

  test('a block that is sensitive as a whole is masked', () => {
    expect(drawn(change({ before: { rule: '(sensitive value)' }, after: { rule: '(sensitive value, changed)' } }, {}, schemas))).toEqual([
      '~ rule (sensitive)',
    ])
  })
})

describe('a plan', () => {
  const doc: Document = {
    resource_changes: ['module.b.x.a', 'x.a[10]', 'x.a[9]'].map((address) => ({
      address,
      type: 'x',
      name: 'a',
      ...(address.startsWith('module') ? { module_address: 'module.b' } : {}),
      change: { actions: ['create'], before: null, after: { n: 1 } },
    })),
    resource_drift: [{ address: 'x.d', type: 'x', name: 'd', change: { actions: ['update'], before: { n: 1 }, after: { n: 2 } } }],
    output_changes: {
      z: { actions: ['create'], before: null, after: 1 },
      a: { actions: ['no-op'], before: 1, after: 1 },
      b: { actions: ['update'], before: 'x', after: 'y', after_sensitive: true },
    },
  }

  test('is in the order of modules and addresses', () => {
    expect(read(doc).changes.map((c) => c.address)).toEqual(['x.a[9]', 'x.a[10]', 'module.b.x.a'])
  })

  test('has drift and outputs of its own', () => {
    const plan = read(doc)
    expect([plan.counts.create, plan.counts.update, plan.drift.length]).toEqual([3, 0, 1])
    expect(plan.outputs.map((o) => [o.name, o.action, o.node.sensitive])).toEqual([
      ['b', 'update', true],
      ['z', 'create', false],
    ])
  })

  test('is searched by action and words', () => {
    const { changes } = read(doc)
    expect(find(changes, new Set(), 'MODULE a').map((c) => c.address)).toEqual(['module.b.x.a'])
    expect(find(changes, new Set(['delete']), '')).toEqual([])
    expect(find(changes, new Set(['create']), '[9]')).toHaveLength(1)
  })

  test('may be empty', () => {
    expect(read({})).toMatchObject({ changes: [], drift: [], outputs: [] })
  })

  test('of 5,000 resources is read in a moment', () => {
    const start = performance.now()
    const plan = read({
      resource_changes: Array.from({ length: 5000 }, (_, i) => ({
        address: `x.a[${String(i)}]`,
        type: 'x',
        name: 'a',
        change: { actions: ['update'], before: { n: 1, tags: { a: '1' } }, after: { n: 2, tags: { a: '2' } } },
      })),
    })
    for (const c of plan.changes) c.nodes()
    expect(performance.now() - start).toBeLessThan(15_000)
  })
})
