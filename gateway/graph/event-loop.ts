import { performance } from 'node:perf_hooks'

/** Of the time between two looks: above this share the loop has hardly waited for anything. */
const busyShare = 0.9

/** Shorter spans say little: a single operation fills them. */
const leastMs = 5

/** @returns a function that tells whether the event loop has hardly waited since the last time it was asked */
export function openLoopMeter(): () => boolean {
  let last = performance.eventLoopUtilization()
  let isBusy = false
  return () => {
    const span = performance.eventLoopUtilization(last)
    if (span.idle + span.active < leastMs) return isBusy
    last = performance.eventLoopUtilization()
    isBusy = span.utilization > busyShare
    return isBusy
  }
}
