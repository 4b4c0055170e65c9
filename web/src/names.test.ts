import { expect, test } from 'vitest'

test('no two files have names that differ by case alone: some disks do not tell them apart', () => {
  const names = Object.keys(import.meta.glob('./**/*.{ts,tsx}')).map((name) => name.replace(/\.tsx?$/, '').toLowerCase())
  expect(names.length).toBeGreaterThan(200)
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
})
