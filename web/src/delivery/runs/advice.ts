// What to do about a run that has not done what it should.
import { isFinal } from '../status'

/** Step is something to do: an address below the workspace, a part of this page, or starting again. */
export type Step = { label: string; to?: 'variables' | 'settings' | 'states' | 'runs' | 'agents'; hash?: string; again?: true }

type Advice = { tone: 'bad' | 'warn' | 'info'; says: string; steps: Step[] }

type About = { status: string; plan: string | undefined; apply: string | undefined; planOnly: boolean }

const again: Step = { label: 'Start again', again: true }

/** adviceFor is what to say of a run, undefined if all is well. */
export function adviceFor({ status, plan, apply, planOnly }: About): Advice | undefined {
  if (!isFinal(status)) return undefined
  if (status === 'errored' && apply === 'errored') {
    return { tone: 'bad', says: 'The apply failed on its way: what was done until then is in the state. Mend the cause and run again; only what is missing will be done.', steps: [{ label: 'The first error', hash: 'apply' }, { label: 'The state as it is', to: 'states' }, again] }
  }
  if (status === 'errored' && plan === 'errored') {
    return { tone: 'bad', says: 'The plan failed, so nothing was changed. Mend what the first error names: the configuration, a variable, or the credentials.', steps: [{ label: 'The first error', hash: 'plan' }, { label: 'Variables', to: 'variables' }, { label: 'Settings', to: 'settings' }, again] }
  }
  if (status === 'errored') return { tone: 'bad', says: 'The run failed before an engine began. The events say with what; often no executor or agent can be reached.', steps: [{ label: 'Agents', to: 'agents' }, { label: 'Settings', to: 'settings' }, again] }
  if (status === 'canceled' && apply !== undefined && apply !== 'unreachable' && apply !== 'pending') {
    return { tone: 'warn', says: 'The apply was stopped on its way. Look at what it had done before you start the next run.', steps: [{ label: 'Its log', hash: 'apply' }, { label: 'The state as it is', to: 'states' }, again] }
  }
  if (status === 'canceled') return { tone: 'info', says: 'The run was canceled before it changed anything.', steps: [again] }
  if (status === 'discarded' && !planOnly) return { tone: 'info', says: 'The plan was discarded: nothing was changed.', steps: [again] }
  if (status === 'policy_soft_failed') return { tone: 'bad', says: 'A policy has failed.', steps: [again] }
  return undefined
}
