import type { Address } from '../modules/queries'

const module = '/organizations/{organization}/tests/registry-modules/{registry}/{namespace}/{name}/{provider}' as const

/** The addresses of the tests of a module. */
export const runsPath = `${module}/test-runs` as const
export const varsPath = `${module}/vars` as const

/** runAddress is that of a test run, below /api/v2. */
export function runAddress(a: Address, run: string): string {
  return `/organizations/${a.org}/tests/registry-modules/private/${a.namespace}/${a.name}/${a.provider}/test-runs/${run}`
}

/** final is whether nothing comes after a status. */
export function final(status: string): boolean {
  return status !== 'queued' && status !== 'running'
}
