import { Button, IconButton } from '~/ui/Button'
import { save } from '~/kernel/files'
import { number } from '~/kernel/formats'
import { Icon } from '~/ui/Icon'
import { cx } from '~/ui/classes'
import type { Search } from './LogView'
import type { LogStore } from './store'

type Props = {
  name: string
  store: LogStore
  search: Search
  wrap: boolean
  onWrap: () => void
  tall: boolean
  onTall: () => void
  following: boolean
  onFollow: () => void
  onShow: (line: number) => void
}

/** LogBar is what can be done with a log. */
export function LogBar({ name, store, search, wrap, onWrap, tall, onTall, following, onFollow, onShow }: Props) {
  const error = store.problems()[0]
  return (
    <div className="flex flex-wrap items-center gap-x-2 gap-y-1 border-b border-line bg-surface px-3 py-1.5">
      <Find name={name} search={search} />
      {error !== undefined && <Button small look="danger" icon="warning" onClick={() => onShow(error)}>First error</Button>}
      <span className="ml-auto text-sm text-muted tabular max-sm:hidden">{number(store.length)} lines</span>
      {!store.complete && (
        <Button small look={following ? 'quiet' : 'normal'} aria-pressed={following} onClick={onFollow}>
          <span className={cx('size-2 rounded-full', following ? 'animate-pulse bg-ok' : 'bg-idle')} />
          {following ? 'Following' : 'Follow'}
        </Button>
      )}
      <Button small look={wrap ? 'normal' : 'quiet'} aria-pressed={wrap} onClick={onWrap}>Wrap</Button>
      <IconButton small icon="download" label="Download the log" onClick={() => save([store.text(), '\n'], `${name}.log`, 'text/plain')} />
      <Button small look="quiet" aria-pressed={tall} onClick={onTall}>{tall ? 'Close' : 'Full page'}</Button>
    </div>
  )
}

function Find({ name, search }: { name: string; search: Search }) {
  const { text, setText, words, found, at, go } = search
  return (
    <div className="flex items-center gap-1 print:hidden">
      <div className="relative">
        <Icon name="search" size={14} className="pointer-events-none absolute inset-y-0 left-2 my-auto text-faint" />
        <input
          id={`${name}-search`}
          type="search"
          aria-label={`Search the log of the ${name}`}
          placeholder="Search the log"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(e) => setText(e.target.value)}
          onKeyDown={(e) => e.key === 'Enter' && go(e.shiftKey ? -1 : 1)}
          className="touch h-7 w-44 rounded-md border border-line bg-bg pr-2 pl-7 text-sm max-sm:w-40 max-sm:text-lg"
        />
      </div>
      {words !== '' && (
        <>
          <span role="status" className="text-sm whitespace-nowrap text-muted tabular">{found.length === 0 ? 'none' : `${number(at + 1)} of ${number(found.length)}`}</span>
          <IconButton small icon="left" label="Previous match" className="rotate-90" onClick={() => go(-1)} />
          <IconButton small icon="down" label="Next match" onClick={() => go(1)} />
        </>
      )}
    </div>
  )
}
