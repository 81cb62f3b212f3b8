import { openVendorCalls } from '../../../../subgraphs/call.ts'
import type { CallContext, GraphContext, Log, Priority, SystemPorts } from '../../../../subgraphs/contract.ts'
import { asana } from '../../../../subgraphs/jobs/asana/index.ts'
import type { AsanaSimulator } from '../../../simulators/asana/simulator.ts'

export const clock = { now: () => new Date() }

export const settings = {
  ASANA_ACCESS_TOKEN: 'asana-test-token',
  ASANA_PROJECTS: '99',
  ASANA_CUSTOMER_FIELD: '123',
  ASANA_ORDER_FIELD: '124',
}

export interface LoggedLine {
  readonly fields: object
  readonly message: string
}

/** Asana's adapter over a simulated account; records are read without a cache. */
export function openAccount(simulator: AsanaSimulator, environment: Readonly<Record<string, string>> = {}) {
  const configured = asana.configure({ ...settings, ASANA_BASE_URL: simulator.url, ...environment })
  if (!configured.ok) throw new Error(configured.faults.map(fault => fault.message).join('\n'))
  const lines: LoggedLine[] = []
  const stops: (() => void)[] = []
  const ports: SystemPorts = {
    deployment: '0123456789ab',
    calls(options) {
      const calls = openVendorCalls({
        ...options,
        system: 'asana',
        clock,
        random: () => 0,
        settings: { tryTimeoutMs: 1000, totalTimeoutMs: 3000, listTimeoutMs: 3000, writeTimeoutMs: 3000 },
      })
      stops.push(() => calls.close())
      return calls
    },
    records: readers => ({
      async load(kind, wanted, context) {
        const value = (await readers[kind].read([wanted], context.call)).get(wanted.id) ?? null
        if (value instanceof Error) throw value
        return value
      },
    }),
    clock,
    log: logInto(lines),
  }
  const system = configured.open(ports)
  return {
    system,
    source: system.source,
    lines,
    async close() {
      await system.close()
      for (const stop of stops) stop()
    },
  }
}

export function callContext(priority: Priority = 'query'): CallContext & { readonly spent: Map<string, number> } {
  const spent = new Map<string, number>()
  return {
    priority,
    signal: new AbortController().signal,
    spend: (_, pool, cost) => void spent.set(pool, (spent.get(pool) ?? 0) + cost),
    spent,
  }
}

/** For sources: they use nothing of it but `call`. */
export function graphContext(call: CallContext = callContext()): GraphContext {
  const unused = () => Promise.reject(new Error('a source asks its vendor only'))
  return {
    call,
    index: { page: unused, sums: unused },
    links: { resolve: unused, entityOf: unused, parentOf: unused, recordsOf: unused, isKnown: unused },
    writes: { write: unused },
    customers: { contactOf: unused, answering: unused },
  }
}

function logInto(lines: LoggedLine[]): Log {
  const line = (fields: object, message: string) => void lines.push({ fields, message })
  return { debug: line, info: line, warn: line, error: line }
}
