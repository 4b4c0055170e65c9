// The files of a version of a provider as a build makes them (GoReleaser and the like):
// archives, SHA256SUMS, its signature, and a manifest. They are checked before anything is
// sent.

/** Platform is an archive for one of the platforms; shasum is "" if no list names it. */
export type Platform = { os: string; arch: string; filename: string; shasum: string; file: File | undefined }

/** Bundle is what the files are, together. */
export type Bundle = {
  name: string
  version: string
  protocols: string[] | undefined
  sums: File | undefined
  signature: File | undefined
  platforms: Platform[]
  /** what keeps it from being published */
  problems: string[]
}

const archive = /^terraform-provider-([a-z0-9][a-z0-9-]*?)_(\d[^_]*)_([a-z0-9]+)_([a-z0-9]+)\.zip$/

/** bundleOf sorts files. expected is the name of the provider. hash is the SHA-256 of a file in hex, or undefined where it cannot be worked out. */
export async function bundleOf(files: readonly File[], expected: string, hash: (f: File) => Promise<string | undefined>): Promise<Bundle> {
  const sums = files.find((f) => f.name.endsWith('SHA256SUMS'))
  const signature = files.find((f) => f.name.endsWith('SHA256SUMS.sig') || f.name.endsWith('.sig'))
  const manifest = files.find((f) => f.name.endsWith('manifest.json'))
  const listed = sums ? sumsOf(await sums.text()) : new Map<string, string>()
  const byName = new Map(files.map((f) => [f.name, f]))
  const names = [...new Set([...listed.keys(), ...byName.keys()])].filter((n) => archive.test(n)).toSorted()
  const platforms = names.map((filename): Platform => {
    const m = archive.exec(filename)
    return { os: m?.[3] ?? '', arch: m?.[4] ?? '', filename, shasum: listed.get(filename) ?? '', file: byName.get(filename) }
  })
  const first = names[0] ? archive.exec(names[0]) : null
  const protocols = manifest && protocolsOf(await manifest.text())
  const bundle: Bundle = { name: first?.[1] ?? expected, version: first?.[2] ?? '', protocols, sums, signature, platforms, problems: [] }
  return { ...bundle, problems: [...problemsOf(bundle, names, expected), ...(await wrongSums(platforms, hash))] }
}

function problemsOf(b: Bundle, names: string[], expected: string): string[] {
  const found: string[] = []
  if (!b.sums) found.push('SHA256SUMS is missing: the list of the checksums of the archives.')
  if (!b.signature) found.push('SHA256SUMS.sig is missing: the signature of the list.')
  if (names.length === 0) found.push(`No archive is called like terraform-provider-${expected}_1.0.0_linux_amd64.zip.`)
  if (names.length > 0 && b.name !== expected) found.push(`The archives are of the provider ${b.name}, not ${expected}.`)
  const versions = [...new Set(names.map((n) => archive.exec(n)?.[2]))]
  if (versions.length > 1) found.push(`The archives are of several versions: ${versions.join(', ')}.`)
  for (const p of b.platforms) {
    if (p.shasum === '' && b.sums) found.push(`${p.filename} is not in SHA256SUMS.`)
    if (!p.file) found.push(`${p.filename} is in SHA256SUMS and not among the files.`)
  }
  return found
}

async function wrongSums(platforms: Platform[], hash: (f: File) => Promise<string | undefined>): Promise<string[]> {
  const found: string[] = []
  for (const p of platforms) {
    if (!p.file || p.shasum === '') continue
    const is = await hash(p.file)
    if (is !== undefined && is !== p.shasum) found.push(`${p.filename} is not what SHA256SUMS says: it was made again, or cut short.`)
  }
  return found
}

/** sumsOf reads what sha256sum prints: the sum and the name of a file in each line. */
export function sumsOf(text: string): Map<string, string> {
  const sums = new Map<string, string>()
  for (const line of text.split('\n')) {
    const m = /^([0-9a-fA-F]{64})\s+\*?(.+?)\s*$/.exec(line)
    if (m) sums.set(m[2] ?? '', (m[1] ?? '').toLowerCase())
  }
  return sums
}

function protocolsOf(text: string): string[] | undefined {
  try {
    const list = (JSON.parse(text) as { metadata?: { protocol_versions?: unknown } }).metadata?.protocol_versions
    return Array.isArray(list) ? list.map(String) : undefined
  } catch {
    return undefined
  }
}

/** largest is the size in bytes up to which files are hashed in the browser: it needs all of one in memory. */
const largest = 1 << 30

/** sha256 is the SHA-256 of a file in hex; undefined where the page is not secure, for then the browser does not say. */
export async function sha256(file: File): Promise<string | undefined> {
  if (!globalThis.crypto?.subtle || file.size > largest) return undefined
  const sum = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
  return [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, '0')).join('')
}
