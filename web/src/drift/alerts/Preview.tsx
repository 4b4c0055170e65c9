import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { address, send } from '~/kernel/api'
import { useSettled } from '~/kernel/settled'
import { Markdown } from '~/ui/markdown/Markdown'
import { Failure } from '~/ui/Failure'
import { Panel } from '~/ui/Page'
import { SkeletonRows } from '~/ui/Skeleton'
import { typeOf } from './types'

/** Message is what the server makes of an event; html is there where the text is Markdown. */
export type Message = { subject: string; body: string; html?: string; 'content-type': string }

/** Preview shows what a message looks like while it is being written. */
export function Preview({ org, type, subject, body }: { org: string; type: string; subject: string; body: string }) {
  const wanted = useSettled(JSON.stringify({ type, subject, body }))
  const { data, error } = useQuery({
    queryKey: ['drift-alert-preview', org, wanted],
    queryFn: async ({ signal }) => (await send('POST', address('/organizations/{organization}/drift-alert-preview', { organization: org }), JSON.parse(wanted), signal)) as Message,
    placeholderData: keepPreviousData,
    retry: false,
  })
  return (
    <Panel title="Preview" actions={<span className="text-sm text-muted">with sample values</span>} className="xl:sticky xl:top-4">
      {error && <div className="p-4"><Failure error={error} /></div>}
      {!data && !error && <SkeletonRows rows={5} />}
      {data && !error && <ShownMessage message={data} titled={typeOf(type).subject !== undefined} />}
    </Panel>
  )
}

/** ShownMessage is a message as its receiver sees it, nearly. */
export function ShownMessage({ message, titled }: { message: Message; titled: boolean }) {
  const isMarkdown = message.html !== undefined
  return (
    <div className="max-h-[70vh] overflow-auto p-4" tabIndex={0} aria-label="Message" role="region">
      {titled && <p className="mb-3 border-b border-line pb-2 font-semibold wrap-anywhere">{message.subject}</p>}
      {isMarkdown ? <Markdown text={message.body} level={3} /> : <pre className="font-mono text-sm leading-relaxed wrap-anywhere whitespace-pre-wrap">{pretty(message)}</pre>}
    </div>
  )
}

function pretty(m: Message): string {
  if (m['content-type'] !== 'application/json') return m.body
  try {
    return JSON.stringify(JSON.parse(m.body), null, 2)
  } catch {
    return m.body
  }
}
