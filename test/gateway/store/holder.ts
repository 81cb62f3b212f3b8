import { openStore } from '../../../gateway/store/open.ts'
import { fixedClock, quiet } from './ports.ts'

/** A program of its own that opens the store given to it, says so, writes one row and waits to be killed. */
async function hold(url: string): Promise<void> {
  const store = await openStore(url, { log: quiet, clock: fixedClock })
  await store.write(tx => tx.insertInto('meta').values({ name: 'held', value: 'yes' }).execute())
  process.stdout.write('held\n')
  setInterval(() => {}, 1_000)
}

await hold(process.argv[2] ?? '')
