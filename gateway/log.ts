import { pino, type Logger } from 'pino'
import { PinoPretty } from 'pino-pretty'
import type { LogFormat, LogLevel } from './config.ts'

/**
 * The process's log: lines a person can read, or JSON for machines. Errors are written with their kind and message only;
 * what vendors answered stays out of it.
 */
export function openLog(level: LogLevel, format: LogFormat): Logger {
  const options = { level, base: undefined, serializers: { err: errorFields } }
  if (format === 'json') return pino({ ...options, timestamp: () => `,"time":"${new Date().toISOString()}"` })
  return pino(
    options,
    PinoPretty({
      colorize: process.stdout.isTTY,
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
