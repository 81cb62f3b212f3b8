/**
 * The thread that ends a process whose event loop stands still. Plain JavaScript, because a worker thread is loaded by Node itself.
 *
 * It counts its own turns, so that a machine that slept, which stops both, ends nobody.
 */
import { workerData } from 'node:worker_threads'

/** @type {{ beats: Int32Array, everyMs: number, missed: number }} */
const { beats, everyMs, missed } = workerData
const nothing = new Int32Array(new SharedArrayBuffer(4))

let seen = Atomics.load(beats, 0)
let still = 0
for (;;) {
  Atomics.wait(nothing, 0, 0, everyMs)
  const now = Atomics.load(beats, 0)
  if (now < 0) break
  still = now === seen ? still + 1 : 0
  seen = now
  if (still >= missed) process.kill(process.pid, 'SIGKILL')
}
