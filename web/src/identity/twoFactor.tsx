// The second factor of the user: set up with a picture for the authenticator app, and codes
// for when the device is lost. What weakens it wants the password.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, type One, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { readQuery, useChange } from '~/kernel/queries'
import { Badge } from '~/ui/Badge'
import { Button } from '~/ui/Button'
import { CopyButton } from '~/ui/Copy'
import { Dialog } from '~/ui/Dialog'
import { Failure, Notice } from '~/ui/Failure'
import { Field, Input } from '~/ui/Field'
import { Form, FormDialog } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'

type Factor = Resource<'two-factors'>
type Step = 'start' | 'disable' | 'renew' | Factor

export function TwoFactor() {
  const { data, error } = useQuery(readQuery('two-factors', '/account/two-factor', {}))
  const [step, setStep] = useState<Step>()
  const close = () => setStep(undefined)
  const a = data?.item.attributes
  return (
    <Panel title="Second factor" padded actions={a && <Badge tone={a.enabled ? 'ok' : 'warn'} icon={a.enabled ? 'check' : 'warning'}>{a.enabled ? 'On' : 'Off'}</Badge>}>
      {error && <Failure error={error} />}
      {!a && !error && <Skeleton className="h-16 w-full" />}
      {a && !a.enabled && (
        <>
          <p className="mb-3 text-muted">With it, a login also needs a code of an authenticator app on your phone: a password alone opens nothing.</p>
          <Button icon="lock" onClick={() => setStep('start')}>Set it up</Button>
        </>
      )}
      {a?.enabled && (
        <>
          <p className="mb-3 text-muted">A login needs a code of your authenticator app, or one of {a['recovery-codes-left']} recovery codes.</p>
          {a['recovery-codes-left'] < 3 && <Notice tone="warn" icon="warning" className="mb-3">Few recovery codes are left. Make new ones before you need them.</Notice>}
          <div className="flex flex-wrap gap-2">
            <Button icon="refresh" onClick={() => setStep('renew')}>New recovery codes</Button>
            <Button look="danger" onClick={() => setStep('disable')}>Turn it off</Button>
          </div>
        </>
      )}
      {step === 'start' && <Proof title="Set up a second factor" action="Continue" path="/account/two-factor" onDone={(f) => setStep(f)} onClose={close} />}
      {step === 'renew' && <Proof title="New recovery codes" action="Make new codes" path="/account/two-factor/actions/renew-recovery-codes" about="The codes that you have now stop working." onDone={(f) => setStep(f)} onClose={close} />}
      {step === 'disable' && (
        <Proof
          title="Turn the second factor off?" action="Turn it off" look="danger" path="/account/two-factor/actions/disable" onClose={close}
          onDone={() => {
            close()
            toast('The second factor is off.')
          }}
        />
      )}
      {typeof step === 'object' && (step.attributes['recovery-codes'] ? <Codes factor={step} onClose={close} /> : <SetUp factor={step} onDone={(f) => setStep(f)} onClose={close} />)}
    </Panel>
  )
}

type Path = '/account/two-factor' | '/account/two-factor/actions/disable' | '/account/two-factor/actions/renew-recovery-codes'

type ProofProps = { title: string; action: string; about?: string; look?: 'danger'; path: Path; onDone: (f: Factor) => void; onClose: () => void }

/** Proof asks for the password, and does what it is asked for. */
function Proof({ title, action, about, look, path, onDone, onClose }: ProofProps) {
  const [password, setPassword] = useState('')
  const change = useChange(['two-factors', 'users'], () => api.create(path, {}, body('two-factors', { current_password: password })) as Promise<One<'two-factors'>>, ({ item }) => onDone(item))
  return (
    <FormDialog title={title} action={action} {...(look && { look })} change={change} onClose={onClose}>
      {about && <p className="text-muted">{about}</p>}
      <Field label="Your password" error={fieldsOf(change.error).current_password}>
        <Input type="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} />
      </Field>
    </FormDialog>
  )
}

function SetUp({ factor, onDone, onClose }: { factor: Factor; onDone: (f: Factor) => void; onClose: () => void }) {
  const { secret, 'qr-code': picture } = factor.attributes
  const [code, setCode] = useState('')
  const change = useChange(['two-factors', 'users'], () => api.create('/account/two-factor/actions/confirm', {}, body('two-factors', { code })), ({ item }) => onDone(item))
  return (
    <Dialog title="Set up your device" onClose={onClose}>
      <Form change={change} action="Turn it on" onCancel={onClose}>
        <p className="text-muted">Scan the picture with an authenticator app, or type the key, then enter the code that the app shows.</p>
        {picture && <Picture {...picture} />}
        <p className="flex items-center justify-center gap-1"><code className="font-mono text-sm break-all text-muted" data-secret>{secret}</code><CopyButton text={secret ?? ''} label="Copy the key" /></p>
        <Field label="Code" error={fieldsOf(change.error).code}>
          <Input required autoFocus inputMode="numeric" autoComplete="one-time-code" maxLength={10} className="font-mono" value={code} onChange={(e) => setCode(e.target.value)} placeholder="123 456" />
        </Field>
      </Form>
    </Dialog>
  )
}

/** Picture is a QR code: dark on light in every theme, with the margin that cameras need. */
function Picture({ size, path }: { size: number; path: string }) {
  return (
    <svg viewBox={`-4 -4 ${size + 8} ${size + 8}`} role="img" aria-label="QR code of the key below" shapeRendering="crispEdges" className="mx-auto block size-48 rounded-md">
      <rect x={-4} y={-4} width={size + 8} height={size + 8} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}

function Codes({ factor, onClose }: { factor: Factor; onClose: () => void }) {
  const codes = factor.attributes['recovery-codes'] ?? []
  return (
    <Dialog title="Recovery codes" onClose={onClose}>
      <Notice tone="ok" icon="key" role="status" className="mb-4">
        Keep them where you find them without your device: each logs you in once in the place of a code of the app. They are not shown again.
      </Notice>
      <ol className="grid grid-cols-1 gap-x-6 gap-y-1.5 font-mono sm:grid-cols-2" data-secret>
        {codes.map((c) => <li key={c}>{c}</li>)}
      </ol>
      <div className="mt-5 flex flex-wrap items-center justify-between gap-2">
        <span className="flex items-center gap-1 text-muted">Copy all <CopyButton text={codes.join('\n')} label="Copy all codes" /></span>
        <Button look="primary" onClick={onClose}>I have kept them</Button>
      </div>
    </Dialog>
  )
}
