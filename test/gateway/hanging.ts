import { startWatchdog } from '../../gateway/watchdog.ts'

/** A program that is watched, works for a while, and then hangs when it is told to, or ends. */
const end = startWatchdog({ stillMs: 1000, everyMs: 50 })
setTimeout(() => {
  process.stdout.write('has worked\n')
  if (process.argv[2] === 'hang') for (;;);
  end()
}, 2000)
