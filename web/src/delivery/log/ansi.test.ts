import { describe, expect, test } from 'vitest'
import { parse, plain, strip, styleAfter } from './ansi'

const e = '\u001b'

describe('parse', () => {
  test('text without sequences is one span', () => {
    expect(parse('a b')).toEqual({ spans: [{ text: 'a b', style: {} }], end: plain })
    expect(parse('').spans).toEqual([])
  })

  test('colours and weights begin and end', () => {
    const { spans, end } = parse(`${e}[1m${e}[31mError:${e}[0m bad ${e}[0;32m+${e}[39mx`)
    expect(spans.map((s) => s.text)).toEqual(['Error:', ' bad ', '+', 'x'])
    expect(spans[0]?.style).toEqual({ bold: true, fg: 1 })
    expect(spans[1]?.style).toEqual({})
    expect(spans[2]?.style).toEqual({ fg: 2 })
    expect(spans[3]?.style.fg).toBeUndefined()
    expect(end.fg).toBeUndefined()
  })

  test('a style goes on in the next line', () => {
    const { end } = parse(`${e}[33mwarning`)
    expect(parse('more', end).spans[0]?.style.fg).toBe(3)
    expect(styleAfter(`${e}[33mwarning`, plain)).toEqual(end)
  })

  test.each([
    ['38;5;9', 9],
    ['38;5;196', '#ff0000'],
    ['38;5;244', '#808080'],
    ['38;2;1;2;3', '#010203'],
    ['38:2:1:2:3', '#010203'],
    ['38;5;999', undefined],
    ['38;2;1;2', undefined],
    ['38', undefined],
  ])('colour %s', (code, want) => {
    expect(parse(`${e}[${code}mx`).spans[0]?.style.fg).toBe(want)
  })
})

describe('hostile output', () => {
  test.each([
    ['cursor moves', `a${e}[2K${e}[1Gb`, 'ab'],
    ['a title', `a${e}]0;owned\u0007b`, 'ab'],
    ['a hyperlink', `${e}]8;;javascript:alert(1)${e}\\click${e}]8;;${e}\\`, 'click'],
    ['a string without an end', `a${e}]0;never`, 'a'],
    ['a sequence without an end', `a${e}[31`, 'a'],
    ['an escape at the end', `a${e}`, 'a'],
    ['control characters', 'a\u0000\u0008\u0007b', 'ab'],
    ['text that runs backwards', 'a\u202egpj.exe\u202c', 'agpj.exe'],
    ['eight-bit sequences', 'a\u009b31mb', 'ab'],
    ['private parameters', `a${e}[?25lb${e}[>4;1mc`, 'abc'],
    ['markup', '<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
  ])('%s', (_, line, want) => {
    expect(strip(line)).toBe(want)
    expect(
      parse(line)
        .spans.map((s) => s.text)
        .join(''),
    ).toBe(want)
  })

  test('a million sequences take no long time', () => {
    const line = `${e}[31m${e}[0m`.repeat(500_000)
    const start = performance.now()
    expect(parse(line).spans).toEqual([])
    expect(performance.now() - start).toBeLessThan(15_000)
  })
})
