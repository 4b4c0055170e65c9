// What a person can do with a run: confirm, discard, cancel.
import { useMemo, useState } from 'react'
import { address, send } from '~/kernel/api'
import { useCommands } from '~/kernel/keyboard'
import type { Resource } from '~/kernel/jsonapi'
import { useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Field, Textarea } from '~/ui/Field'
import { FormDialog } from '~/ui/Form'
import { toast } from '~/ui/Toast'
import { Counts } from './Counts'
import type { Look } from '~/ui/Button'

export type Verb = 'apply' | 'discard' | 'cancel' | 'force-cancel'

type Words = { title: string; action: string; done: string; look: Look; about: string; keys: string }

const words: Record<Verb, Words> = {
  apply: { title: 'Confirm and apply', action: 'Confirm and apply', done: 'Confirmed', look: 'primary', keys: 'a', about: 'What the plan says will be done, and nothing else.' },
  discard: { title: 'Discard the run', action: 'Discard', done: 'Discarded', look: 'danger', keys: 'd', about: 'Nothing is applied, and the workspace is free for the next run.' },
  cancel: { title: 'Cancel the run', action: 'Cancel the run', done: 'Asked to cancel', look: 'danger', keys: 'c', about: 'The engine is asked to stop. It finishes what it is doing, and saves the state.' },
  'force-cancel': { title: 'Cancel by force', action: 'Cancel by force', done: 'Canceled by force', look: 'danger', keys: 'f', about: 'The engine is killed at once. What it was doing may be lost, and the state may not say what is there. Only do this if canceling did not help.' },
}

/** possible are the verbs that the run and the rights of the person allow. */
export function possible(run: Resource<'runs'>): Verb[] {
  const { actions, permissions, 'plan-only': planOnly } = run.attributes
  return [
    actions['is-confirmable'] && permissions['can-apply'] && !planOnly && ('apply' as const),
    actions['is-discardable'] && permissions['can-discard'] && ('discard' as const),
    actions['is-force-cancelable'] && permissions['can-force-cancel'] && ('force-cancel' as const),
    actions['is-cancelable'] && permissions['can-cancel'] && ('cancel' as const),
  ].filter((v) => v !== false)
}

/** Verbs are the buttons, with a shortcut each. */
export function Verbs({ run, onVerb }: { run: Resource<'runs'>; onVerb: (v: Verb) => void }) {
  const verbs = possible(run)
  useCommands(useMemo(() => commandsOf(possible(run), onVerb), [run, onVerb]))
  return verbs.map((v) => (
    <Button key={v} look={words[v].look} icon={v === 'apply' ? 'check' : v === 'discard' ? 'cross' : 'stop'} onClick={() => onVerb(v)} title={`${words[v].title} (${words[v].keys.toUpperCase()})`}>
      {words[v].action}
    </Button>
  ))
}

function commandsOf(verbs: Verb[], onVerb: (v: Verb) => void) {
  return verbs.map((v) => ({ id: `run-${v}`, title: words[v].title, keys: words[v].keys, group: 'Run', run: () => onVerb(v) }))
}

/** VerbDialog asks once more, and for a comment. */
export function VerbDialog({ run, plan, verb, onClose }: { run: Resource<'runs'>; plan: Resource<'plans'> | undefined; verb: Verb; onClose: () => void }) {
  const [comment, setComment] = useState('')
  const w = words[verb]
  const change = useChange(
    ['runs', 'run-events', 'workspaces'],
    () => send('POST', address(`/runs/{id}/actions/${verb}`, { id: run.id }), comment.trim() === '' ? {} : { comment }),
    () => {
      toast(`${w.done}.`)
      onClose()
    },
  )
  return (
    <FormDialog title={w.title} action={w.action} look={w.look} back="Back" change={change} className="" onClose={onClose}>
      <p className="text-muted">{w.about}</p>
      {verb === 'apply' && plan && <p className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-md bg-sunken px-3 py-2"><Counts of={plan.attributes} words /></p>}
      <Field label="Comment" optional className="mt-4">
        <Textarea
          rows={3}
          value={comment}
          onChange={(e) => setComment(e.target.value)}
          onKeyDown={(e) => e.key === 'Enter' && (e.ctrlKey || e.metaKey) && e.currentTarget.form?.requestSubmit()}
          autoFocus
        />
      </Field>
    </FormDialog>
  )
}
