import { setTimeout as wait } from 'node:timers/promises'

/**
 * Waits until something is so, outside of tests, where there is no `vi.waitFor`.
 * @throws Error that names it when it is not so in time
 */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  { timeoutMs = 60_000, everyMs = 50 }: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<void> {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > timeoutMs) throw new Error(`not so after ${timeoutMs} ms: ${what}`)
    await wait(everyMs)
  }
}
