// When old data is deleted: after some days, or never; of an organization or a workspace.
import { useQuery } from '@tanstack/react-query'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, oneOf, refOf, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Failure } from '~/ui/Failure'
import { Choice, Field, Input } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'
import { toast } from '~/ui/Toast'

type Policy = Resource<'data-retention-policies'>
type Props = { /** The address of the policy. */ path: string; /** What has the policy, if it has one. */ of: { relationships?: unknown }; /** What is deleted. */ about: string; /** What counts without a policy. */ otherwise: string; may: boolean }

/** Retention shows the policy at an address and changes it. */
export function Retention({ path, of, about, otherwise, may }: Props) {
  const set = refOf(of, 'data-retention-policy')?.id ?? ''
  const { data, error } = useQuery({
    queryKey: ['data-retention-policies', path, set],
    queryFn: async ({ signal }) => ({ policy: set === '' ? undefined : (oneOf<'data-retention-policies'>(await api.send('GET', path, undefined, signal)).item as Policy) }),
  })
  return (
    <Panel title="Data retention" padded>
      <p className="mb-4 text-muted">{about}</p>
      {error && <Failure error={error} />}
      {!data && !error && <Skeleton className="h-24 w-full" />}
      {data && <Choose path={path} policy={data.policy} otherwise={otherwise} may={may} />}
    </Panel>
  )
}

function Choose({ path, policy, otherwise, may }: { path: string; policy: Policy | undefined; otherwise: string; may: boolean }) {
  const days = policy?.attributes['delete-older-than-n-days']
  const draft = useDraft({ kind: policy === undefined ? 'none' : days ? 'days' : 'never', n: String(days ?? 90) })
  const { kind, n } = draft.values
  const change = useChange(
    ['data-retention-policies', 'workspaces', 'organizations'],
    () => {
      if (kind === 'none') return policy ? api.send('DELETE', path) : Promise.resolve(undefined)
      return api.send('POST', path, kind === 'days' ? body('data-retention-policy-delete-olders', { 'delete-older-than-n-days': Number(n) }) : body('data-retention-policy-dont-deletes'))
    },
    () => toast('The retention of data is changed.'),
  )
  return (
    <fieldset disabled={!may} className="min-w-0">
      <legend className="sr-only">Data retention</legend>
      <Form change={change} draft={draft} names={{ kind: 'what is deleted', n: 'after how many days' }} action="Save">
        <div className="space-y-2.5">
          <Choice type="radio" name="retention" label={otherwise} checked={kind === 'none'} onChange={() => draft.set({ kind: 'none' })} />
          <Choice type="radio" name="retention" label="Keep everything" checked={kind === 'never'} onChange={() => draft.set({ kind: 'never' })} />
          <Choice type="radio" name="retention" label="Delete what is older than some days" checked={kind === 'days'} onChange={() => draft.set({ kind: 'days' })} />
        </div>
        {kind === 'days' && (
          <Field label="Days" className="max-w-40 pl-6" error={fieldsOf(change.error)['delete-older-than-n-days']}>
            <Input type="number" min={1} max={36500} required value={n} onChange={(e) => draft.set({ n: e.target.value })} />
          </Field>
        )}
      </Form>
    </fieldset>
  )
}
