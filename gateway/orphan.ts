/** How often a process looks whether whoever started it is still there. */
const lookEveryMs = 500

/**
 * Calls back once whoever started this process through an npm script is gone. npm hands SIGTERM to the shell between it
 * and us, which dies of it and tells nobody: we would go on, unasked, with port and store.
 */
export function whenOrphaned(stop: (signal: 'SIGTERM') => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    stop('SIGTERM')
  }, lookEveryMs).unref()
}
