// A new version of a module: its archive goes from the browser to the signed address.
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body } from '~/kernel/jsonapi'
import { Problem, fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { bytes } from '~/kernel/formats'
import { Code } from '~/ui/Copy'
import { Field, FileInput, Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { params, path, type Address } from './queries'

/** maxArchive is the size of the largest archive in bytes. */
const maxArchive = 100 * 1024 * 1024

/** publish makes a version and uploads its archive. A version that is there already and waits takes it too. */
async function publish(a: Address, version: string, archive: File) {
  const link = await uploadLink(a, version)
  await api.upload(link, archive)
}

async function uploadLink(a: Address, version: string): Promise<string> {
  try {
    const { item } = await api.create(`${path}/versions`, params(a), body('registry-module-versions', { version }))
    return String(item.links?.upload)
  } catch (err) {
    if (!(err instanceof Problem) || err.status !== 422) throw err
    const found = await api.read(`${path}/version`, params(a), { module_version: version }).catch(() => undefined)
    if (found?.item.attributes.status !== 'pending') throw err
    return String(found.item.links?.upload)
  }
}

export function Upload({ address, latest, onDone }: { address: Address; latest?: string | undefined; onDone: (version: string) => void }) {
  const [version, setVersion] = useState(latest === undefined ? '1.0.0' : next(latest))
  const [archive, setArchive] = useState<File>()
  const change = useChange(['registry-modules', 'registry-module-versions'], () => publish(address, version, archive as File), () => onDone(version))
  const tooLarge = archive !== undefined && archive.size > maxArchive
  return (
    <Form action={`Publish ${version}`} icon="download" change={change} disabled={archive === undefined || tooLarge}>
      <Field label="Version" help="A semantic version: a new major number says that those who use it must change something." error={fieldsOf(change.error).version}>
        <Input value={version} onChange={(e) => setVersion(e.target.value)} className="max-w-40 font-mono" required />
      </Field>
      <Field label="Archive" help={`A .tar.gz of the folder with its .tf files at the top, up to ${bytes(maxArchive)}.`} error={tooLarge ? 'This file is too large.' : undefined}>
        <FileInput label="Archive" accept=".tgz,.tar.gz,application/gzip" required onFiles={(files) => setArchive(files[0])} />
      </Field>
      <Code title="How to make it" text="tar -czf module.tar.gz -C path/to/module ." />
    </Form>
  )
}

/** next is the version after one: its last number is one higher. */
function next(version: string): string {
  const m = /^(\d+)\.(\d+)\.(\d+)$/.exec(version)
  return m ? `${m[1]}.${m[2]}.${Number(m[3]) + 1}` : ''
}
