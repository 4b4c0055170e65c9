// What came of a test run, from its JUnit document: files, and the runs in each.

/** Outcome is what came of a run of a test file. */
export type Outcome = 'pass' | 'fail' | 'error' | 'skip'

/** Case is a run in a test file. */
export type Case = { name: string; seconds: number | undefined; outcome: Outcome; says: string }

/** File is a test file with its runs. */
export type File = { name: string; cases: Case[]; outcome: Outcome }

/** resultsOf reads a JUnit document. */
export function resultsOf(doc: Document): File[] {
  return [...doc.querySelectorAll('testsuite')].map((s) => {
    const cases = [...s.querySelectorAll('testcase')].map(caseOf)
    return { name: s.getAttribute('name') ?? '', cases, outcome: worst(cases.map((c) => c.outcome)) }
  })
}

function caseOf(c: Element): Case {
  const bad = c.querySelector('failure') ?? c.querySelector('error')
  const outcome: Outcome = c.querySelector('error') ? 'error' : c.querySelector('failure') ? 'fail' : c.querySelector('skipped') ? 'skip' : 'pass'
  const time = c.getAttribute('time')
  return { name: c.getAttribute('name') ?? '', seconds: time === null ? undefined : Number(time), outcome, says: [bad?.getAttribute('message'), bad?.textContent?.trim()].filter(Boolean).join('\n') }
}

const order: readonly Outcome[] = ['error', 'fail', 'pass', 'skip']

/** worst is the outcome of several. */
export function worst(list: readonly Outcome[]): Outcome {
  return order.find((o) => list.includes(o)) ?? 'skip'
}
