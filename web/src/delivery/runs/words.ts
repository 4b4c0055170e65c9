// What runs are and where they come from, in words.

/** operations are what runs do, by their names in the API. */
export const operations: Record<string, string> = {
  plan_and_apply: 'Plan and apply',
  plan_only: 'Plan only',
  save_plan: 'Saved plan',
  refresh_only: 'Refresh only',
  destroy: 'Destroy',
  empty_apply: 'Empty apply',
  action_only: 'Actions only',
}

/** sources are where runs come from. */
export const sources: Record<string, string> = {
  'tfe-ui': 'this UI',
  'tfe-api': 'the API',
  'tfe-configuration-version': 'a configuration',
  'tfe-run-trigger': 'a run trigger',
  terraform: 'a command line',
  'terraform+cloud': 'a command line',
}

const reasons: Record<string, string> = {
  manual: 'started by hand',
  'speculative-plan': 'a plan to look at',
  git_push: 'pushed to the repository',
  'run-trigger': 'a run of another workspace',
}

/** sourceOf is where a run comes from, in words. */
export function sourceOf(source: string): string {
  return sources[source] ?? source
}

/** reasonOf is why a run was started, in words. */
export function reasonOf(reason: string): string {
  return reasons[reason] ?? reason.replaceAll(/[-_]/g, ' ')
}

/** done is what people do to runs, after their name; happened is what happens to runs by itself. */
const done: Record<string, string> = {
  queued: 'started the run',
  confirmed: 'confirmed the plan',
  discarded: 'discarded the run',
  canceled: 'canceled the run',
  cancel_requested: 'asked to cancel',
  force_canceled: 'canceled by force',
  commented: 'commented',
}

const happened: Record<string, string> = {
  queued: 'The run was started',
  plan_queued: 'The plan waits for an executor',
  planning: 'Planning began',
  planned: 'The plan is finished',
  planned_and_finished: 'The plan is finished; nothing to apply',
  planned_and_saved: 'The plan is finished and saved',
  confirmed: 'Confirmed',
  apply_queued: 'The apply waits for an executor',
  applying: 'Applying began',
  applied: 'The apply is finished',
  errored: 'The run errored',
  canceled: 'The run was canceled',
}

/** eventOf is what happened to a run, in words; who is named if they did it. */
export function eventOf(action: string, who: string | undefined): { who?: string; words: string } {
  const by = done[action]
  if (who !== undefined && by !== undefined) return { who, words: by }
  const words = action.replaceAll('_', ' ')
  return { words: happened[action] ?? words.charAt(0).toUpperCase() + words.slice(1) }
}
