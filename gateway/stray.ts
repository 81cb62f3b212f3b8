import { format } from 'node:util'
import type { Log } from '../subgraphs/contract.ts'

/** What libraries say at most. */
const longestText = 500

const methods = ['debug', 'log', 'info', 'warn', 'error'] as const

/**
 * Logs what would else be written past the log, where a machine that reads it stumbles: Node's warnings, what libraries say to the
 * console, and the error that nobody caught, which ends the process as it would without us.
 * @returns what ends it
 */
export function takeStray(log: Log): () => void {
  const onWarning = (warning: Error): void => log.warn({ err: warning }, 'a warning of Node or of a library')
  const onUncaught = (error: unknown): void => {
    log.error({ err: error }, 'an error was not caught: the process ends')
    process.exit(1)
  }
  const printers = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', onWarning)
  process.on('uncaughtException', onUncaught)
  const written = methods.map(method => ({ method, write: console[method] }))
  for (const { method } of written) {
    const level = method === 'error' ? 'warn' : 'debug'
    console[method] = (...said: readonly unknown[]): void => {
      const err = said.find(one => one instanceof Error)
      const text = format(...said.filter(one => one !== err)).slice(0, longestText)
      log[level]({ ...(err === undefined ? {} : { err }), said: text }, 'a library wrote to the console')
    }
  }
  return () => {
    process.removeListener('warning', onWarning)
    process.removeListener('uncaughtException', onUncaught)
    for (const printer of printers) process.on('warning', printer)
    for (const { method, write } of written) console[method] = write
  }
}
