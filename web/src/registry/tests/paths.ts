import { address } from '~/kernel/api'
import { params, type Address } from '../modules/queries'

const module = '/organizations/{organization}/tests/registry-modules/{registry}/{namespace}/{name}/{provider}' as const

/** runsPath is where the test runs of a module are. */
export const runsPath = `${module}/test-runs` as const

/** varsPath is where the variables of all its tests are. */
export const varsPath = `${module}/vars` as const

/** runAddress is where a part of a test run is, or what ends it. */
export function runAddress(a: Address, run: string, part: 'junit' | 'cancel' | 'force-cancel' | 'log/events'): string {
  return address(`${runsPath}/{test_run}/${part}`, { ...params(a), test_run: run })
}

/** final is whether nothing comes after a status. */
export function final(status: string): boolean {
  return status !== 'queued' && status !== 'running'
}
