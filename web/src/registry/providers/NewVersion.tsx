// Publishing a version of a provider from the files of a build: they are looked at first,
// then sent.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { TextLink } from '~/ui/Page'
import { bytes, count } from '~/kernel/formats'
import { useChange } from '~/kernel/queries'
import { Failure, Notice } from '~/ui/Failure'
import { Choice, Field, FileInput, Select } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { Icon } from '~/ui/Icon'
import { toast } from '~/ui/Toast'
import { keysQuery } from '../gpg'
import { bundleOf, sha256, type Bundle } from './bundle'
import { publish, type Params } from './publish'

const known = ['4.0', '5.0', '6.0']

export function NewVersion({ params, onClose }: { params: Params; onClose: () => void }) {
  const [files, setFiles] = useState<File[]>([])
  const [key, setKey] = useState('')
  const [chosen, setChosen] = useState<string[]>()
  const [step, setStep] = useState('')
  const keys = useQuery(keysQuery(params.organization))
  const bundle = useQuery({ queryKey: ['bundles', ...files.map((f) => `${f.name} ${f.size} ${f.lastModified}`)], enabled: files.length > 0, staleTime: Infinity, gcTime: 0, queryFn: () => bundleOf(files, params.name, sha256) })
  const keyID = key || keys.data?.items[0]?.attributes['key-id'] || ''
  const protocols = chosen ?? bundle.data?.protocols ?? ['5.0']
  const ready = bundle.data !== undefined && bundle.data.problems.length === 0 && keyID !== '' && protocols.length > 0
  const change = useChange(['registry-providers', 'registry-provider-versions', 'registry-provider-platforms'], () => publish(params, bundle.data as Bundle, keyID, protocols, setStep), () => {
    toast(`Version ${bundle.data?.version ?? ''} is published.`)
    onClose()
  })
  return (
    <FormDialog
      title={`New version of ${params.name}`}
      action={change.error ? 'Go on' : `Publish ${bundle.data?.version ?? ''}`}
      back="Back"
      change={change}
      disabled={!ready}
      beside={change.isPending && <span role="status" className="mr-auto min-w-0 truncate text-sm text-muted">{step}</span>}
      onClose={onClose}
      wide
    >
      <Field label="Files" help="All that the build has made: the .zip of each platform, SHA256SUMS, SHA256SUMS.sig and the manifest.">
        <FileInput label="Files" multiple required onFiles={setFiles} />
      </Field>
      {bundle.isFetching && <p role="status" className="text-muted">Reading the files…</p>}
      {bundle.error && <Failure error={bundle.error} />}
      {bundle.data && <Looked bundle={bundle.data} />}
      {keys.data?.items.length === 0 && <Notice tone="warn" icon="key">The registry has no key yet that could have signed this. <TextLink to="/$org/registry/keys" params={{ org: params.organization }}>Add one first</TextLink></Notice>}
      {keys.data && keys.data.items.length > 0 && (
        <div className="grid gap-x-5 gap-y-4 sm:grid-cols-2">
          <Field label="Signed by the key">
            <Select value={keyID} onChange={(e) => setKey(e.target.value)} className="font-mono">
              {keys.data.items.map((k) => <option key={k.id} value={k.attributes['key-id']}>{k.attributes['key-id']}</option>)}
            </Select>
          </Field>
          <fieldset>
            <legend className="mb-1 font-medium">Plugin protocols</legend>
            <div className="flex gap-5">
              {known.map((p) => <Choice key={p} label={p} checked={protocols.includes(p)} onChange={(e) => setChosen(e.target.checked ? [...protocols, p] : protocols.filter((x) => x !== p))} />)}
            </div>
            <p className="mt-1 text-sm text-muted">{bundle.data?.protocols ? 'As the manifest says.' : 'Those that it was built for; a manifest would say.'}</p>
          </fieldset>
        </div>
      )}
    </FormDialog>
  )
}

/** Looked is what the files are, or what is wrong with them. */
function Looked({ bundle: b }: { bundle: Bundle }) {
  if (b.problems.length > 0) {
    return (
      <Notice tone="bad" icon="warning" role="alert">
        <p className="font-medium">This cannot be published yet:</p>
        <ul className="mt-1 list-disc space-y-0.5 pl-5">{b.problems.slice(0, 8).map((p) => <li key={p} className="wrap-anywhere">{p}</li>)}</ul>
      </Notice>
    )
  }
  const size = b.platforms.reduce((n, p) => n + (p.file?.size ?? 0), 0)
  return (
    <div className="rounded-md border border-line bg-sunken px-3 py-2.5">
      <p className="flex items-center gap-2"><Icon name="check" className="text-ok" />Version <code className="font-mono font-medium">{b.version}</code> for {count(b.platforms.length, 'platform')}, {bytes(size)}</p>
      <ul aria-label="Platforms" className="mt-1.5 flex flex-wrap gap-x-4 gap-y-0.5 text-sm text-muted">{b.platforms.map((p) => <li key={p.filename}>{p.os}/{p.arch}</li>)}</ul>
    </div>
  )
}
