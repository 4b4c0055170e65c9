// What administrators add to the pages.
import { useQuery } from '@tanstack/react-query'
import * as api from '~/kernel/api'
import { useDraft } from '~/kernel/draft'
import { body, type Resource } from '~/kernel/jsonapi'
import { fieldsOf } from '~/kernel/problem'
import { readQuery, useChange } from '~/kernel/queries'
import { Failure } from '~/ui/Failure'
import { Field, Input, Textarea } from '~/ui/Field'
import { Form } from '~/ui/Form'
import { Panel } from '~/ui/Page'
import { toast } from '~/ui/Toast'
import { Words } from '~/ui/Words'

export const wordsQuery = readQuery('customization-settings', '/admin/customization-settings', {})

export function PageWords() {
  const { data, error, refetch } = useQuery(wordsQuery)
  return (
    <Panel title="Words on pages" padded>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && <WordsForm settings={data.item} />}
    </Panel>
  )
}

const texts = [
  { name: 'login-help', label: 'Below the login', help: 'Whom to ask who cannot log in. Everybody can read it.' },
  { name: 'footer', label: 'At the end of every page', help: 'On the login too, where everybody can read it.' },
  { name: 'error', label: 'On pages that say that something is wrong', help: 'What to do then.' },
  { name: 'new-user', label: 'For people without an organization', help: 'How they get into one.' },
] as const

function WordsForm({ settings }: { settings: Resource<'customization-settings'> }) {
  const a = settings.attributes
  const draft = useDraft({ 'support-email-address': a['support-email-address'], 'login-help': a['login-help'], footer: a.footer, error: a.error, 'new-user': a['new-user'] })
  const f = draft.values
  const change = useChange(['customization-settings', 'customizations'], () => api.update('/admin/customization-settings', {}, body('customization-settings', f, undefined, settings.id)), ({ item }) => {
    const kept = item.attributes
    const cut = texts.some(({ name }) => kept[name] !== f[name])
    toast(cut ? 'The words are saved, without what pages may not have.' : 'The words are saved.')
  })
  const wrong = fieldsOf(change.error)
  return (
    <Form change={change} draft={draft} names={{ 'support-email-address': 'the address for help', 'login-help': 'below the login', footer: 'the end of every page', error: 'pages that say that something is wrong', 'new-user': 'people without an organization' }} action="Save words">
      <p className="text-muted">Text, or HTML with paragraphs, lists, emphasis, code and links. Everything else is taken out, pictures and styles too.</p>
      <Field label="Address for help" optional help="Shown at the login and with errors." error={wrong['support-email-address']}>
        <Input type="email" className="sm:max-w-96" value={f['support-email-address']} onChange={(e) => draft.set({ 'support-email-address': e.target.value })} />
      </Field>
      {texts.map(({ name, label, help }) => (
        <div key={name}>
          <Field label={label} optional help={help} error={wrong[name]}>
            <Textarea rows={3} maxLength={10_000} className="font-mono text-sm" value={f[name]} onChange={(e) => draft.set({ [name]: e.target.value })} />
          </Field>
          {f[name].includes('<') && (
            <div className="mt-2 rounded-md border border-line bg-sunken px-3 py-2">
              <p className="mb-1 text-sm text-muted">It looks like this:</p>
              <Words html={f[name]} />
            </div>
          )}
        </div>
      ))}
    </Form>
  )
}
