// What protects an account: the password, the second factor, and where one is logged in.
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { useMe } from '~/kernel/session'
import { Field, Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { InOrder } from '~/ui/InOrder'
import { Panel } from '~/ui/Page'
import { toast } from '~/ui/Toast'
import { YourSessions } from './sessions'
import { TwoFactor } from './twoFactor'

export function Security() {
  return (
    <InOrder className="space-y-4">
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <Password />
        <TwoFactor />
      </div>
      <YourSessions />
    </InOrder>
  )
}

function Password() {
  const none = { current: '', fresh: '', again: '' }
  const [p, setP] = useState(none)
  const change = useChange(
    ['sessions'],
    () => api.send('PATCH', api.address('/account/password', {}), body('users', { current_password: p.current, password: p.fresh, password_confirmation: p.again })),
    () => {
      setP(none)
      toast('The password is changed. Your other browsers are logged out.')
    },
  )
  const me = useMe()
  const wrong = fieldsOf(change.error)
  return (
    <Panel title="Password" padded>
      <Form action="Change the password" change={change}>
        <input type="text" autoComplete="username" value={me.attributes.username ?? ''} readOnly hidden />
        <Field label="Present password" error={wrong.current_password}>
          <Input type="password" autoComplete="current-password" required value={p.current} onChange={(e) => setP({ ...p, current: e.target.value })} />
        </Field>
        <Field label="New password" help="At least 10 characters. Tokens keep working." error={wrong.password}>
          <Input type="password" autoComplete="new-password" required minLength={10} value={p.fresh} onChange={(e) => setP({ ...p, fresh: e.target.value })} />
        </Field>
        <Field label="New password again" error={wrong.password_confirmation}>
          <Input type="password" autoComplete="new-password" required value={p.again} onChange={(e) => setP({ ...p, again: e.target.value })} />
        </Field>
      </Form>
    </Panel>
  )
}
