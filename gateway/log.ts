import { pino, type Logger } from 'pino'
import { PinoPretty } from 'pino-pretty'
import type { LogFormat, LogLevel } from './config.ts'

/**
 * The process's log: lines a person can read, or JSON for machines. Errors are written with their kind and message only;
 * what vendors answered stays out of it.
 * @param to a command's own lines stand on the standard output, and its log beside them
 */
export function openLog(level: LogLevel, format: LogFormat, to: 'stdout' | 'stderr' = 'stdout'): Logger {
  const options = { level, base: undefined, serializers: { err: errorFields } }
  const destination = to === 'stdout' ? 1 : 2
  if (format === 'json') {
    const timestamp = (): string => `,"time":"${new Date().toISOString()}"`
    return pino({ ...options, timestamp }, pino.destination(destination))
  }
  return pino(
    options,
    PinoPretty({
      colorize: process[to].isTTY,
      destination,
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'pid,hostname',
      singleLine: true,
      sync: true,
    }),
  )
}

function errorFields(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  return { type: error.name, message: error.message, stack: error.stack }
}
