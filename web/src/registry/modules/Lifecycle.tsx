// Deprecating and revoking a version, and taking that back.
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body } from '~/kernel/jsonapi'
import { useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Notice } from '~/ui/Failure'
import { Field, Input, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { toast } from '~/ui/Toast'
import { params, path, type Address, type Details } from './queries'

/** Banner warns of a version that should not, or must not, be used any more. */
export function Banner({ details: d }: { details: Details }) {
  if (d.revocation) {
    return <Notice tone="bad" icon="warning" className="mb-5"><b className="font-semibold">Version {d.version} is revoked.</b> Who does not use it already cannot install it. {d.revocation.message} <More link={d.revocation.link} /></Notice>
  }
  if (!d.deprecation) return null
  return <Notice tone="warn" icon="warning" className="mb-5"><b className="font-semibold">Version {d.version} is deprecated.</b> {d.deprecation.reason} <More link={d.deprecation.link} /></Notice>
}

function More({ link }: { link: string }) {
  if (!link) return null
  const href = /^https?:\/\//i.test(link) ? link : `https://${link}`
  return <a href={href} target="_blank" rel="noopener noreferrer" className="underline underline-offset-2">More</a>
}

type Verb = 'deprecate' | 'undeprecate' | 'revoke' | 'unrevoke' | 'delete'

const words: Record<Verb, { title: string; about: string; action: string; done: string; asks: boolean }> = {
  deprecate: { title: 'Deprecate', about: 'Those who use it are warned in each run. It can still be installed.', action: 'Deprecate', done: 'deprecated', asks: true },
  undeprecate: { title: 'Take back the deprecation of', about: 'Nobody is warned of it any more.', action: 'Take back', done: 'no longer deprecated', asks: false },
  revoke: { title: 'Revoke', about: 'Nobody who does not use it already can install it. Those who do are warned.', action: 'Revoke', done: 'revoked', asks: true },
  unrevoke: { title: 'Take back the revocation of', about: 'It can be installed again. It stays deprecated.', action: 'Take back', done: 'no longer revoked', asks: false },
  delete: { title: 'Delete', about: 'Configurations that use this version cannot be initialized any more. This cannot be undone.', action: 'Delete for ever', done: 'deleted', asks: false },
}

/** possible are the verbs for a version, by what it is. */
function possible(d: Details, mayDelete: boolean): Verb[] {
  const list: Verb[] = d.revocation ? ['unrevoke'] : d.deprecation ? ['revoke', 'undeprecate'] : ['deprecate']
  return mayDelete ? [...list, 'delete'] : list
}

/** isHard is whether a verb takes something away from those who use the version. */
function isHard(verb: Verb): boolean {
  return verb === 'delete' || verb === 'revoke'
}

/** Lifecycle is what can be done with a version. */
export function Lifecycle({ address, details, mayDelete, onDeleted }: { address: Address; details: Details; mayDelete: boolean; onDeleted: () => void }) {
  const [verb, setVerb] = useState<Verb>()
  return (
    <>
      <div className="flex flex-wrap gap-2">
        {possible(details, mayDelete).map((v) => <Button key={v} small look={isHard(v) ? 'danger' : 'normal'} onClick={() => setVerb(v)}>{words[v].title} {details.version}</Button>)}
      </div>
      {verb && <Ask address={address} version={details.version} verb={verb} onClose={() => setVerb(undefined)} onDone={() => verb === 'delete' && onDeleted()} />}
    </>
  )
}

function Ask({ address, version, verb, onClose, onDone }: { address: Address; version: string; verb: Verb; onClose: () => void; onDone: () => void }) {
  const [reason, setReason] = useState('')
  const [link, setLink] = useState('')
  const w = words[verb]
  const change = useChange(['registry-modules', 'registry-module-versions'], () => act(address, version, verb, reason, link), () => {
    toast(`Version ${version} is ${w.done}.`)
    onDone()
    onClose()
  })
  return (
    <FormDialog title={`${w.title} ${version}`} action={w.action} look={isHard(verb) ? 'danger' : 'primary'} change={change} onClose={onClose}>
      <p className="text-muted">{w.about}</p>
      {w.asks && (
        <>
          <Field label="Why, and what to use instead" optional><Textarea rows={3} value={reason} onChange={(e) => setReason(e.target.value)} autoFocus /></Field>
          <Field label="Link to more" optional><Input value={link} onChange={(e) => setLink(e.target.value)} placeholder="https://…" /></Field>
        </>
      )}
    </FormDialog>
  )
}

async function act(a: Address, version: string, verb: Verb, reason: string, link: string) {
  const keys = { ...params(a), version }
  if (verb === 'delete') return api.remove(`${path}/{version}`, keys)
  const attributes = {
    deprecate: { deprecation: { 'deprecated-status': 'Deprecated', reason, link } },
    undeprecate: { deprecation: { 'deprecated-status': 'Undeprecated' } },
    revoke: { revocation: { status: 'Revoked', message: reason, link } },
    unrevoke: { revocation: { status: 'Unrevoked' } },
  }[verb]
  await api.send('PATCH', api.address(`${path}/{version}`, keys), body('module-versions', attributes))
}
