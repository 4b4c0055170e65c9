// The name of a team, who knows of it, and what joins it to a directory.
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { useChange } from '~/kernel/queries'
import { Choice, Field, Input } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { toast } from '~/ui/Toast'

export function TeamSettings({ team, onClose }: { team: Resource<'teams'>; onClose: () => void }) {
  const a = team.attributes
  const may = a.permissions
  const draft = useDraft({ name: a.name, visibility: a.visibility, 'sso-team-id': a['sso-team-id'] ?? '', 'allow-member-token-management': a['allow-member-token-management'] })
  const f = draft.values
  const change = useChange(['teams'], () => api.update('/teams/{team}', { team: team.id }, body('teams', f, undefined, team.id)), () => {
    onClose()
    toast('The team is changed.')
  })
  const wrong = fieldsOf(change.error)
  return (
    <FormDialog title={`Change ${a.name}`} action="Save" change={change} draft={draft} names={{ visibility: 'who knows of it', 'sso-team-id': 'SSO team id', 'allow-member-token-management': 'who manages its tokens' }} onClose={onClose}>
      {may['can-update-name'] && <Field label="Name" error={wrong.name}><Input required value={f.name} onChange={(e) => draft.set({ name: e.target.value })} /></Field>}
      <fieldset className="space-y-2.5">
        <legend className="mb-1.5 font-medium">Who knows of it</legend>
        <Choice type="radio" name="visibility" label="Everybody in the organization" checked={f.visibility === 'organization'} onChange={() => draft.set({ visibility: 'organization' })} />
        <Choice type="radio" name="visibility" label="Its members only" help="And who may see secret teams." checked={f.visibility === 'secret'} onChange={() => draft.set({ visibility: 'secret' })} />
      </fieldset>
      <Field label="SSO team id" optional help="What a directory calls it, where logins bring their teams along." error={wrong['sso-team-id']}>
        <Input className="font-mono" maxLength={255} value={f['sso-team-id']} onChange={(e) => draft.set({ 'sso-team-id': e.target.value })} />
      </Field>
      <Choice label="Members may manage its tokens" checked={f['allow-member-token-management']} onChange={(e) => draft.set({ 'allow-member-token-management': e.target.checked })} />
    </FormDialog>
  )
}
