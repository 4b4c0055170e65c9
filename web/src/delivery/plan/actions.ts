// What becomes of resources, in words and colours.
import type { IconName } from '~/ui/Icon'
import type { Tone } from '~/ui/Badge'
import type { Action } from './plan'

type Look = { sign: string; word: string; will: string; tone: Tone; icon: IconName }

export const actions: Record<Action, Look> = {
  create: { sign: '+', word: 'create', will: 'will be created', tone: 'ok', icon: 'plus' },
  update: { sign: '~', word: 'update', will: 'will be changed in place', tone: 'warn', icon: 'pencil' },
  replace: { sign: '±', word: 'replace', will: 'will be replaced', tone: 'replace', icon: 'replace' },
  delete: { sign: '−', word: 'destroy', will: 'will be destroyed', tone: 'bad', icon: 'minus' },
  read: { sign: '≤', word: 'read', will: 'will be read', tone: 'info', icon: 'eye' },
  forget: { sign: '·', word: 'forget', will: 'will be forgotten, not destroyed', tone: 'idle', icon: 'cross' },
  move: { sign: '→', word: 'move', will: 'has a new address', tone: 'info', icon: 'right' },
  import: { sign: '←', word: 'import', will: 'will be imported', tone: 'info', icon: 'download' },
  none: { sign: ' ', word: 'no change', will: 'stays as it is', tone: 'idle', icon: 'check' },
}

/** order is that of filters and summaries. */
export const order: readonly Action[] = ['create', 'update', 'replace', 'delete', 'import', 'move', 'forget', 'read']
