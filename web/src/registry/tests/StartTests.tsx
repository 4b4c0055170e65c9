// Starting the tests of a module: of what was uploaded last, or of an archive.
import { useState } from 'react'
import * as api from '~/kernel/api'
import { BadVariable, lines, variablesOf } from '~/delivery/runs/start'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Choice, Field, FileInput, Input, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { params, type Address } from '../modules/queries'
import { runsPath } from './paths'

type Props = { address: Address; onClose: () => void; onStarted: (id: string) => void }

type Draft = { archive: File | undefined; variables: string; filters: string; directory: string; parallelism: string; verbose: boolean }

export function StartTests({ address, onClose, onStarted }: Props) {
  const [d, setDraft] = useState<Draft>({ archive: undefined, variables: '', filters: '', directory: 'tests', parallelism: '', verbose: false })
  const set = (change: Partial<Draft>) => setDraft((was) => ({ ...was, ...change }))
  const change = useChange(['test-runs'], () => start(address, d), ({ item }) => {
    onStarted(item.id)
    onClose()
  })
  const wrong = change.error instanceof BadVariable ? { variables: change.error.message } : fieldsOf(change.error)
  return (
    <FormDialog title={`Test ${address.name}`} action="Start the tests" icon="run" back="Back" change={change} className="" onClose={onClose} wide>
      <div className="grid gap-x-5 gap-y-4 sm:grid-cols-2">
        <Field label="Archive" optional help="A .tar.gz of the module with its tests. Without it, what was uploaded last is tested again." className="sm:col-span-2">
          <FileInput label="Archive" accept=".tgz,.tar.gz,application/gzip" onFiles={(files) => set({ archive: files[0] })} />
        </Field>
        <Field label="Variables of this test run" optional help="One name = value in each line." error={wrong.variables}>
          <Textarea rows={3} value={d.variables} onChange={(e) => set({ variables: e.target.value })} placeholder={'region = "eu-central-1"\nsize = 3'} className="font-mono text-sm" />
        </Field>
        <Field label="Only these files" optional help="One in each line." error={wrong.filters}>
          <Textarea rows={3} value={d.filters} onChange={(e) => set({ filters: e.target.value })} placeholder="tests/network.tftest.hcl" className="font-mono text-sm" />
        </Field>
        <Field label="Folder of the tests" error={wrong['test-directory']}>
          <Input value={d.directory} onChange={(e) => set({ directory: e.target.value })} className="font-mono" />
        </Field>
        <Field label="At once" optional help="How many operations the engine does at the same time." error={wrong.parallelism}>
          <Input type="number" min={1} max={256} value={d.parallelism} onChange={(e) => set({ parallelism: e.target.value })} className="max-w-28" />
        </Field>
        <Choice label="Print the plans and states" checked={d.verbose} onChange={(e) => set({ verbose: e.target.checked })} className="sm:col-span-2" />
      </div>
    </FormDialog>
  )
}

/** start uploads the archive, if there is one, and queues the test run. */
async function start(a: Address, d: Draft) {
  const attributes = {
    verbose: d.verbose, 'test-directory': d.directory.trim() || 'tests', filters: lines(d.filters), variables: variablesOf(d.variables),
    ...(d.parallelism !== '' && { parallelism: Number(d.parallelism) }),
  }
  const version = d.archive && { 'configuration-version': { type: 'configuration-versions', id: await upload(a, d.archive) } }
  return api.create(runsPath, params(a), body('test-runs', attributes, version))
}

async function upload(a: Address, archive: File): Promise<string> {
  const { item } = await api.create(`${runsPath}/configuration-versions`, params(a), body('configuration-versions'))
  const url = (item.attributes as { 'upload-url'?: string | null })['upload-url']
  await api.upload(String(url), archive)
  return item.id
}
