// Puts a .br and a .gz beside each built asset that gets smaller by it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const dir = new URL('../dist/app/assets/', import.meta.url)
for (const name of readdirSync(dir)) {
  const plain = readFileSync(new URL(name, dir))
  const packed = {
    br: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
    gz: gzipSync(plain, { level: 9 }),
  }
  for (const [suffix, bytes] of Object.entries(packed)) {
    if (bytes.length < plain.length * 0.9) writeFileSync(new URL(`${name}.${suffix}`, dir), bytes)
  }
}
