import { expect, test } from 'vitest'
import { bundleOf, sha256, sumsOf } from './bundle'

const file = (name: string, text: string) => new File([text], name)
const zip = file('terraform-provider-inventory_1.2.0_linux_amd64.zip', 'zip')
const other = file('terraform-provider-inventory_1.2.0_darwin_arm64.zip', 'other')

async function sums(...files: File[]) {
  const lines = await Promise.all(files.map(async (f) => `${await sha256(f)}  ${f.name}`))
  return file('terraform-provider-inventory_1.2.0_SHA256SUMS', lines.join('\n') + '\n')
}

const signature = file('terraform-provider-inventory_1.2.0_SHA256SUMS.sig', 'sig')

test('what a build makes has no problems', async () => {
  const manifest = file('terraform-provider-inventory_1.2.0_manifest.json', '{"version": 1, "metadata": {"protocol_versions": ["6.0"]}}')
  const b = await bundleOf([zip, other, await sums(zip, other), signature, manifest], 'inventory', sha256)
  expect(b).toMatchObject({ version: '1.2.0', protocols: ['6.0'], problems: [] })
  expect(b.platforms.map((p) => `${p.os}/${p.arch}`)).toEqual(['darwin/arm64', 'linux/amd64'])
})

test('what is missing or wrong is told before anything is sent', async () => {
  const changed = file(zip.name, 'changed')
  const problems = async (files: File[], name = 'inventory') => (await bundleOf(files, name, sha256)).problems.join(' ')
  expect(await problems([zip])).toMatch(/SHA256SUMS is missing.*SHA256SUMS.sig is missing/)
  expect(await problems([await sums(zip, other), signature, zip])).toContain('darwin_arm64.zip is in SHA256SUMS and not among the files')
  expect(await problems([await sums(zip), signature, zip, other])).toContain('darwin_arm64.zip is not in SHA256SUMS')
  expect(await problems([await sums(zip), signature, changed])).toContain('is not what SHA256SUMS says')
  expect(await problems([await sums(zip), signature, zip], 'stock')).toContain('of the provider inventory, not stock')
  expect(await problems([await sums(), signature])).toContain('No archive is called like')
})

test('sums are read as sha256sum writes them, in both modes', () => {
  const sum = 'a'.repeat(64)
  expect([...sumsOf(`${sum}  a.zip\n${sum.toUpperCase()} *b.zip\r\nnonsense\n`)]).toEqual([['a.zip', sum], ['b.zip', sum]])
})
