import { Worker } from 'node:worker_threads'

/** How long nothing at all may happen in this process. A large answer takes a second, the longest planning a few. */
const stillMs = 60_000

const everyMs = 1000

/**
 * Ends this process at once when it hangs: it would neither work nor give way, and its supervisor would not know. What hung is
 * then found among the deliveries as what ends it is.
 * @returns what ends the watch
 */
export function startWatchdog(options: { readonly stillMs?: number; readonly everyMs?: number } = {}): () => void {
  const interval = options.everyMs ?? everyMs
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const watcher = new Worker(new URL('./watchdog.js', import.meta.url), {
    workerData: { beats, everyMs: interval, missed: Math.ceil((options.stillMs ?? stillMs) / interval) },
    // Without the program's own flags: a loader for TypeScript has nothing to load there.
    execArgv: [],
  })
  watcher.unref()
  const beat = setInterval(() => {
    // Never negative: that would end the watch.
    Atomics.store(beats, 0, (Atomics.load(beats, 0) + 1) & 0x7fffffff)
  }, interval).unref()
  return () => {
    clearInterval(beat)
    Atomics.store(beats, 0, -1)
  }
}
