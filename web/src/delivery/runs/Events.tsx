// What happened to a run, and what people say about it.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import * as api from '~/kernel/api'
import { body, refOf, type Included, type Resource } from '~/kernel/jsonapi'
import { useChange } from '~/kernel/queries'
import { Button } from '~/ui/Button'
import { Failure } from '~/ui/Failure'
import { Field, Textarea } from '~/ui/Field'
import { Icon } from '~/ui/Icon'
import { Panel } from '~/ui/Page'
import { Skeleton } from '~/ui/Skeleton'
import { Time } from '~/ui/Time'
import { eventsQuery } from './queries'
import { eventOf } from './words'

export function Events({ run }: { run: Resource<'runs'> }) {
  const events = useQuery(eventsQuery(run.id))
  return (
    <Panel title="Events" padded>
      {events.isPending && <div className="space-y-3"><Skeleton className="h-4 w-48" /><Skeleton className="h-4 w-40" /></div>}
      {events.error && <Failure error={events.error} retry={() => void events.refetch()} />}
      {events.data && (
        <ol className="space-y-3">
          {events.data.items.map((e) => <One key={e.id} event={e} included={events.data.included} />)}
        </ol>
      )}
      {run.attributes.permissions['can-comment'] && <Say run={run.id} />}
    </Panel>
  )
}

function One({ event, included }: { event: Resource<'run-events'>; included: Included }) {
  const who = included.get('users', refOf(event, 'actor')?.id)?.attributes.username
  const said = included.get('comments', refOf(event, 'comment')?.id)?.attributes.body
  const what = eventOf(event.attributes.action, who ?? undefined)
  return (
    <li className="flex gap-2.5">
      <span className="mt-1.5 flex size-2 shrink-0 rounded-full bg-line-strong" aria-hidden="true" />
      <div className="min-w-0 flex-1">
        <div className="flex items-baseline justify-between gap-x-3">
          <span className="min-w-0 wrap-anywhere">{what.who && <b className="font-medium">{what.who} </b>}{what.words}</span>
          <Time at={event.attributes['created-at']} className="shrink-0 text-sm whitespace-nowrap text-faint" />
        </div>
        {said && <p className="mt-1 rounded-md bg-sunken px-2.5 py-1.5 wrap-anywhere whitespace-pre-wrap">{said}</p>}
      </div>
    </li>
  )
}

function Say({ run }: { run: string }) {
  const [text, setText] = useState('')
  const change = useChange(['run-events'], (said: string) => api.create('/runs/{id}/comments', { id: run }, body('comments', { body: said })))
  /** The text is among the events before the server has it; if the server refuses, it is back in the field. */
  const say = () => {
    change.mutate(text, { onError: (_, said) => setText((since) => [said, since].filter(Boolean).join('\n')) })
    setText('')
  }
  return (
    <form
      className="mt-4 border-t border-line pt-4"
      onSubmit={(e) => {
        e.preventDefault()
        if (text.trim() !== '' && !change.isPending) say()
      }}
    >
      {change.isPending && (
        <p className="mb-3 rounded-md bg-sunken px-2.5 py-1.5 wrap-anywhere whitespace-pre-wrap opacity-70" role="status">{change.variables}<span className="sr-only"> is being sent</span></p>
      )}
      <Field label={<span className="sr-only">Comment</span>}>
        <Textarea
          rows={2}
          placeholder="Say something about this run"
          value={text}
          onChange={(e) => setText(e.target.value)}
          onKeyDown={(e) => e.key === 'Enter' && (e.ctrlKey || e.metaKey) && e.currentTarget.form?.requestSubmit()}
        />
      </Field>
      {change.error && <Failure error={change.error} className="mt-2" />}
      {text.trim() !== '' && <div className="mt-2 flex justify-end"><Button small type="submit" busy={change.isPending}><Icon name="pencil" size={13} />Comment</Button></div>}
    </form>
  )
}
