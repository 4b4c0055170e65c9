/** runPath is the address of a run. */
export function runPath(org: string, workspace: string, run: string): string {
  return `/${org}/workspaces/${workspace}/runs/${run}`
}
