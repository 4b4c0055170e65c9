// Parts of the UI that are loaded when they are needed.
import { lazyRouteComponent as component } from '@tanstack/react-router'
import { checkVersion, doubt } from './health'

/** surely loads a part. While the server does not answer it waits, and then asks again. */
export async function surely<T>(load: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const part = await load().catch(() => undefined) // undefined too if Vite has told of the failure
    if (part !== undefined) return part
    await doubt()
    if (await checkVersion()) throw new Error('The server has a new version of these pages. Load the page again.')
  }
  throw new Error('A part of these pages could not be loaded. Load the page again.')
}

/** lazyRouteComponent is a screen that is loaded when somebody goes there. */
// oxlint-disable-next-line typescript/no-explicit-any -- as in the router: a module holds anything
export function lazyRouteComponent<T extends Record<string, any>, K extends keyof T>(load: () => Promise<T>, name: K) {
  return component(() => surely(load), name)
}
