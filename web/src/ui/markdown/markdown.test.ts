import { describe, expect, test } from 'vitest'
import { parse, plainText, type Block } from './blocks'
import { parse as inline, type Inline } from './inline'

/** drawn is a document in a form that tests can say. */
const drawn = (text: string) => parse(text).map(draw)
const draw = (b: Block): unknown => {
  switch (b.kind) {
    case 'heading':
      return `h${b.level}#${b.id} ${spans(b.children)}`
    case 'paragraph':
      return `p ${spans(b.children)}`
    case 'code':
      return `code(${b.language}) ${b.text}`
    case 'list':
      return [b.ordered ? `ol${b.start}` : 'ul', ...b.items.map((i) => i.map(draw))]
    case 'quote':
      return ['quote', ...b.children.map(draw)]
    case 'table':
      return ['table', b.head.map(spans), ...b.rows.map((r) => r.map(spans))]
    case 'rule':
      return 'rule'
  }
}
const spans = (list: Inline[]): string =>
  list.map((i) => {
    if (i.kind === 'text') return i.text
    if (i.kind === 'code') return `\`${i.text}\``
    if (i.kind === 'break') return '<br>'
    if (i.kind === 'image') return `image(${i.alt})`
    return i.kind === 'link' ? `link(${i.href}|${spans(i.children)})` : `${i.kind}(${spans(i.children)})`
  }).join('')

describe('blocks', () => {
  test.each([
    ['headings', '# One #\n\nTwo\n===\n## One', ['h1#one One', 'h1#two Two', 'h2#one-1 One']],
    ['paragraphs', 'a\nb\n\nc', ['p a\nb', 'p c']],
    ['code with fences', '```hcl\na = "**b**"\n\n# no heading\n```\nafter', ['code(hcl) a = "**b**"\n\n# no heading', 'p after']],
    ['code without an end', '```\na', ['code() a']],
    ['code by its indentation', '    a\n      b\n\nc', ['code() a\n  b', 'p c']],
    ['lists', '- a\n- b\n  more\n  - c\n\n- d', [['ul', ['p a'], ['p b\nmore', ['ul', ['p c']]], ['p d']]]],
    ['lists with numbers', '3. a\n4. b', [['ol3', ['p a'], ['p b']]]],
    ['quotes', '> a\n> - b', [['quote', 'p a', ['ul', ['p b']]]]],
    ['tables', '| a | b |\n|---|:-:|\n| `x\\|y` | **2** | 3 |\n\nend', [['table', ['a', 'b'], ['`x|y`', 'strong(2)']], 'p end']],
    ['rules', '---\n***', ['rule', 'rule']],
    ['comments of tools', '<!-- BEGIN_TF_DOCS -->\n## Inputs\n<!-- END_TF_DOCS -->', ['h2#inputs Inputs']],
  ])('%s', (_, text, want) => {
    expect(drawn(text)).toEqual(want)
  })
})

describe('inline', () => {
  test.each([
    ['a **b** *c* ~~d~~ _e_', 'a strong(b) em(c) strike(d) em(e)'],
    ['snake_case_name and 2*3*4', 'snake_case_name and 2em(3)4'],
    ['`a **b**` ``x ` y``', '`a **b**` `x ` y`'],
    ['[docs](https://example.com/a_b "title")', 'link(https://example.com/a_b|docs)'],
    ['see https://example.com/x.', 'see link(https://example.com/x|https://example.com/x).'],
    ['<a name="input_x"></a> [x](#input\\_x)', ' link(#input_x|x)'],
    ['\\*not\\*', '*not*'],
    ['a<br/>b', 'a<br>b'],
    ['![logo](https://evil.example/pixel.png)', 'image(logo)'],
    ['[![build](https://ci/x.svg)](https://ci/x)', 'link(https://ci/x|image(build))'],
  ])('%s', (text, want) => {
    expect(spans(inline(text))).toBe(want)
  })

  test.each(['[x](javascript:alert(1))', '[x](data:text/html,<script>)', '[x](JaVaScRiPt:alert(1))', '[x](//evil.example)', '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '[x](vbscript:x)'])('%s leads nowhere', (text) => {
    const found = JSON.stringify(inline(text))
    expect(found).not.toContain('"link"')
    expect(found).not.toMatch(/<(script|img)/)
  })
})

describe('hostile texts', () => {
  test.each([
    ['brackets', '['.repeat(50_000)],
    ['stars', '*a '.repeat(50_000)],
    ['underscores', '_a'.repeat(50_000)],
    ['backticks', '`'.repeat(50_000) + 'a'],
    ['quotes', '>'.repeat(5000) + ' a'],
    ['lists', Array.from({ length: 500 }, (_, i) => `${' '.repeat(i * 2)}- a`).join('\n')],
    ['tables', '|a'.repeat(20_000) + '\n' + '|-'.repeat(20_000)],
    ['tags', '<a '.repeat(50_000)],
  ])('many %s take no long time', (_, text) => {
    const start = performance.now()
    parse(text)
    expect(performance.now() - start).toBeLessThan(15_000)
  })

  test('plain text has all words', () => {
    expect(plainText(inline('a **b `c`**'))).toBe('a b c')
  })
})
