// A log of any length: it follows what is printed, wraps, is searched, and every line has
// an address.
import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import { number } from '~/kernel/formats'
import { useCommands } from '~/kernel/keyboard'
import { usePrinting } from '~/kernel/printing'
import { Failure } from '~/ui/Failure'
import { Skeleton } from '~/ui/Skeleton'
import { cx } from '~/ui/classes'
import { Line } from './Line'
import { LogBar } from './LogBar'
import type { LogStore } from './store'
import { useLog, useStore, type Source } from './useLog'

/** lineHeight is that of a line that is not wrapped, in px. */
const lineHeight = 20

/** onPaper is how many lines are printed at most. */
const onPaper = 5000

type Props = Source & {
  /** Names the log in the addresses of its lines: "plan" makes #plan-17. */
  name: string
  /** Is said where there is no line yet. */
  waiting: string
}

export function LogView({ name, waiting, ...source }: Props) {
  const { store, error, retry } = useLog(source)
  useStore(store)
  const box = useRef<HTMLDivElement>(null)
  const printing = usePrinting()
  const [wrap, setWrap] = useState(() => window.innerWidth < 640)
  const [tall, setTall] = useState(false)
  const [following, setFollowing] = useState(true)
  const marked = useMarked(name)
  const rows = useVirtualizer({ count: store.length, getScrollElement: () => box.current, estimateSize: () => lineHeight, overscan: 20 })
  const show = useCallback((line: number) => {
    setFollowing(false)
    rows.scrollToIndex(line, { align: 'center' })
  }, [rows])
  const search = useSearch(store, store.length, show)
  useFollow(rows, store.length, following && !store.complete && marked === undefined)
  useShowMarked(marked, store.length, show)
  useCommands(useMemo(() => [{ id: `search-${name}`, title: `Search the log of the ${name}`, group: 'Run', run: () => document.getElementById(`${name}-search`)?.focus() }], [name]))
  const onScroll = () => {
    const el = box.current
    if (el && !store.complete) setFollowing(el.scrollHeight - el.scrollTop - el.clientHeight < 3 * lineHeight)
  }
  return (
    <div className={cx('flex flex-col bg-sunken', tall && 'fixed inset-0 z-50')}>
      <LogBar
        name={name}
        store={store}
        search={search}
        wrap={wrap}
        onWrap={() => setWrap(!wrap)}
        tall={tall}
        onTall={() => setTall(!tall)}
        following={following}
        onFollow={() => {
          setFollowing(true)
          rows.scrollToIndex(store.length - 1, { align: 'end' })
        }}
        onShow={show}
      />
      {error !== undefined && <Failure error={error} retry={retry} className="m-3" />}
      <div
        ref={box}
        onScroll={onScroll}
        onKeyDown={(e) => e.key === 'Escape' && setTall(false)}
        tabIndex={0}
        role="region"
        aria-label={`Log of the ${name}`}
        data-lines={store.length}
        data-complete={store.complete}
        className={cx('overflow-auto overscroll-contain py-2 font-mono text-sm leading-5 [overflow-anchor:none]', tall ? 'flex-1' : 'h-[60vh] max-h-[44rem] min-h-40', (printing || (store.length < 20 && !tall)) && 'h-auto!')}
      >
        {store.length === 0 && error === undefined && (store.complete ? <p className="px-4 font-sans text-muted">Nothing was printed.</p> : (source.complete ? <Reading /> : <Waiting text={waiting} />))}
        {printing && <OnPaper store={store} name={name} />}
        <div className="relative print:hidden" style={{ height: rows.getTotalSize() }}>
          <div className="absolute top-0 left-0 w-full min-w-fit" style={{ transform: `translateY(${rows.getVirtualItems()[0]?.start ?? 0}px)` }}>
            {rows.getVirtualItems().map((row) => (
              <div key={row.key} data-index={row.index} ref={wrap ? rows.measureElement : undefined} className={wrap ? 'w-full' : 'h-5'}>
                <Line
                  content={store.line(row.index)}
                  number={row.index + 1}
                  anchor={`${name}-${row.index + 1}`}
                  wrap={wrap}
                  marked={marked === row.index}
                  words={search.words}
                  current={search.current === row.index}
                />
              </div>
            ))}
          </div>
        </div>
      </div>
    </div>
  )
}

/** OnPaper is the log as it is printed: all of it in one piece, unless it is too long. */
function OnPaper({ store, name }: { store: LogStore; name: string }) {
  const shown = Math.min(store.length, onPaper)
  return (
    <>
      {Array.from({ length: shown }, (_, i) => <Line key={i} content={store.line(i)} number={i + 1} anchor={`${name}-${i + 1}`} wrap marked={false} words="" current={false} />)}
      {shown < store.length && <p className="px-4 pt-2 font-sans text-muted">These are the first {number(shown)} of {number(store.length)} lines. The download has all.</p>}
    </>
  )
}

function Waiting({ text }: { text: string }) {
  return (
    <div role="status" data-waits className="space-y-2 px-4 py-1">
      <p className="font-sans text-muted">{text}</p>
      <Skeleton className="h-3.5 w-72 max-w-full" />
      <Skeleton className="h-3.5 w-48" />
    </div>
  )
}

/** Reading holds the place of lines that are there already. */
function Reading() {
  return <div role="status" aria-label="Loading" className="space-y-2 px-4 py-1">{['w-72', 'w-48', 'w-80', 'w-64', 'w-56', 'w-72'].map((w, i) => <Skeleton key={i} className={cx('h-3.5 max-w-full', w)} />)}</div>
}

/** useFollow keeps the end in view. */
function useFollow(rows: { scrollToIndex: (i: number, o: { align: 'end' }) => void }, length: number, on: boolean) {
  useEffect(() => {
    if (on && length > 0) rows.scrollToIndex(length - 1, { align: 'end' })
  }, [rows, length, on])
}

/** useMarked is the line that the address names, from 0. */
function useMarked(name: string): number | undefined {
  const read = useCallback(() => {
    const n = new RegExp(`^#${name}-(\\d{1,9})$`).exec(window.location.hash)?.[1]
    return n === undefined || n === '0' ? undefined : Number(n) - 1
  }, [name])
  const [marked, setMarked] = useState(read)
  useEffect(() => {
    const onHash = () => setMarked(read())
    window.addEventListener('hashchange', onHash)
    return () => window.removeEventListener('hashchange', onHash)
  }, [read])
  return marked
}

/** useShowMarked scrolls to the line of the address once it is there. */
function useShowMarked(marked: number | undefined, length: number, show: (line: number) => void) {
  const shown = useRef<number>(undefined)
  useEffect(() => {
    if (marked === undefined || marked >= length || shown.current === marked) return
    shown.current = marked
    show(marked)
  }, [marked, length, show])
}

export type Search = ReturnType<typeof useSearch>

/** useSearch finds words in a log, and goes from one place to the next. */
function useSearch(store: LogStore, length: number, show: (line: number) => void) {
  const [text, setText] = useState('')
  const words = useDeferredValue(text).trim().toLowerCase()
  const found = useMemo(() => store.search(words, length), [store, words, length])
  const [at, setAt] = useState(0)
  useEffect(() => setAt(0), [words])
  const go = (step: number) => {
    if (found.length === 0) return
    const next = (at + step + found.length) % found.length
    setAt(next)
    show(found[next] ?? 0)
  }
  const first = words === '' ? undefined : found[0]
  useEffect(() => {
    if (first !== undefined) show(first)
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- only new words lead somewhere, not new lines
  }, [words])
  return { text, setText, words, found, at, go, current: words === '' ? undefined : found[at] }
}
