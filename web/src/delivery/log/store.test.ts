import { describe, expect, test, vi } from 'vitest'
import { plain } from './ansi'
import { LogStore } from './store'

const texts = (s: LogStore) => Array.from({ length: s.length }, (_, i) => s.line(i).text)

describe('LogStore', () => {
  test('lines are joined from pieces that end anywhere', () => {
    const s = new LogStore()
    for (const piece of ['\u0002Ter', 'raform\nv1', '.9', '\n\nlast']) s.append(piece)
    expect(texts(s)).toEqual(['Terraform', 'v1.9', '', 'last'])
    expect(s.complete).toBe(false)
    s.append(' words\u0003')
    expect(texts(s)).toEqual(['Terraform', 'v1.9', '', 'last words'])
    expect(s.complete).toBe(true)
  })

  test('carriage returns overwrite, and the last one of a line is its end', () => {
    const s = new LogStore()
    s.append('10%\r50%\r100%\r\nnext\r\n')
    expect(texts(s)).toEqual(['100%', 'next'])
  })

  test('a colour that is not ended goes on', () => {
    const s = new LogStore()
    s.append('\u001b[31mred\nstill\n\u001b[0mno more\nplain\n')
    expect([0, 1, 2, 3].map((i) => s.line(i).style.fg)).toEqual([undefined, 1, 1, undefined])
    expect(s.line(3).style).toBe(plain)
  })

  test('listeners hear of changes until they leave', () => {
    const s = new LogStore()
    const heard = vi.fn()
    const leave = s.subscribe(heard)
    s.append('a\n')
    s.append('')
    expect(heard).toHaveBeenCalledTimes(1)
    leave()
    s.append('b\n')
    expect(heard).toHaveBeenCalledTimes(1)
  })

  test('search finds words whatever their case and colour, up to a limit', () => {
    const s = new LogStore()
    s.append('Alpha\nbe\u001b[1mTA\u001b[0m\ngamma\nbeta')
    expect(s.search('BETA')).toEqual([1, 3])
    expect(s.search('BETA', 4, 1)).toEqual([1])
    expect(s.search('BETA', 3)).toEqual([1])
    expect(s.search('')).toEqual([])
    expect(s.search('[1m')).toEqual([])
  })

  test('a reset forgets everything', () => {
    const s = new LogStore()
    s.append('\u0002a\n\u001b[31mb\u0003')
    s.reset()
    expect([s.length, s.complete]).toEqual([0, false])
    s.append('\u0002a\n')
    expect(texts(s)).toEqual(['a'])
    expect(s.line(0).style).toBe(plain)
  })

  test('errors in boxes are found', () => {
    const s = new LogStore()
    s.append('fine\n\u001b[31m╷\u001b[0m\n\u001b[31m│\u001b[0m Error: no\n\u001b[31m│\u001b[0m detail\n\u001b[31m╵\u001b[0m\nfine\n')
    expect(s.problems()).toEqual([2])
    expect(s.line(3).severity).toBe('error')
    expect(s.line(5).severity).toBeUndefined()
  })

  test('100,000 lines are read and searched in a moment', () => {
    const s = new LogStore()
    const line = '\u001b[0m\u001b[1mnull_resource.a[12]: Still creating... [10s elapsed]\u001b[0m\n'
    const start = performance.now()
    for (let i = 0; i < 100; i++) s.append(line.repeat(1000))
    expect(s.length).toBe(100_000)
    expect(s.search('elapsed', s.length, 200_000)).toHaveLength(100_000)
    expect(performance.now() - start).toBeLessThan(15_000)
  })
})

describe('structured logs', () => {
  const say = (m: object) => {
    const s = new LogStore()
    s.append(JSON.stringify(m) + '\n')
    return s
  }

  test('a message is its sentence', () => {
    expect(texts(say({ '@level': 'info', '@message': 'null_resource.a: Creating...', type: 'apply_start' }))).toEqual([
      'null_resource.a: Creating...',
    ])
  })

  test('a planned change has a sign and its reason', () => {
    const s = say({
      '@message': 'x: Plan to replace',
      type: 'planned_change',
      change: { action: 'replace', reason: 'cannot_update', resource: { addr: 'a.b' } },
    })
    expect(s.text()).toBe('± a.b (cannot update)')
  })

  test('a diagnostic is drawn with its place and code', () => {
    const s = say({
      '@level': 'error',
      '@message': 'Error: Bad',
      type: 'diagnostic',
      diagnostic: {
        severity: 'error',
        summary: 'Bad',
        detail: 'Very\nbad.',
        range: { filename: 'main.tf', start: { line: 3 } },
        snippet: { context: 'resource "a" "b"', code: '  x = y', start_line: 3 },
      },
    })
    expect(s.text().split('\n')).toEqual([
      '╷',
      '│ Error: Bad',
      '│ ',
      '│   on main.tf line 3, in resource "a" "b":',
      '│     3:   x = y',
      '│ ',
      '│ Very',
      '│ bad.',
      '╵',
    ])
    expect(s.problems()).toEqual([0])
  })

  test('sensitive outputs are not shown', () => {
    const s = say({ '@message': 'Outputs: 2', type: 'outputs', outputs: { a: { value: 1 }, b: { sensitive: true, value: 's3cret' } } })
    expect(s.text()).toContain('a = 1')
    expect(s.text()).not.toContain('s3cret')
  })

  test.each(['{"a":1}', '{broken', '{"@message":5}', '{}'])('%s is no message and shown as it is', (line) => {
    const s = new LogStore()
    s.append(line + '\n')
    expect(texts(s)).toEqual([line])
  })

  test('a message with parts of the wrong kind is its sentence', () => {
    expect(texts(say({ '@message': 'hm', type: 'diagnostic', diagnostic: { detail: 7 } }))).toEqual(['hm'])
  })
})
