import type { Agent } from 'node:http'
import { openVendorCalls } from '../../../../subgraphs/call.ts'
import type {
  GraphContext,
  OpenSystem,
  RecordKindReader,
  Records,
  SystemPorts,
} from '../../../../subgraphs/contract.ts'
import { openClient } from '../../../../subgraphs/crm/hubspot/client.ts'
import { contactReader } from '../../../../subgraphs/crm/hubspot/contacts.ts'
import { hubspot } from '../../../../subgraphs/crm/hubspot/index.ts'
import type { CrmSource } from '../../../../subgraphs/crm/source.ts'

/** The system opened on a simulator, with what it was told and what it spent. */
export interface Opened {
  readonly system: OpenSystem<CrmSource>
  readonly context: GraphContext
  readonly spent: readonly string[]
  /** Of the road to the vendor. */
  readonly agents: readonly Agent[]
  /** Reads contacts from the vendor in one go. */
  readMany(ids: readonly string[]): Promise<ReadonlyMap<string, unknown>>
  close(): void
}

/** Opens HubSpot on a base URL with a road of its own and no cache. */
export function openHubspot(baseUrl: string, options: { clock?: () => Date; token?: string } = {}): Opened {
  const clock = { now: options.clock ?? (() => new Date()) }
  const settings = {
    accessToken: options.token ?? 'hubspot-test-token',
    clientSecrets: ['hubspot-test-secret'],
    baseUrl,
    requestsPerTenSeconds: null,
  }
  const spent: string[] = []
  const agents: Agent[] = []
  const context = graphContext(spent)
  const opened: { close(): void }[] = []
  let readMany: Opened['readMany'] = () => Promise.reject(new Error('nothing was opened'))

  const ports: SystemPorts = {
    deployment: '0123456789ab',
    clock,
    log: { debug: ignore, info: ignore, error: ignore, warn: ignore },
    calls(callOptions) {
      const calls = openVendorCalls({
        ...callOptions,
        system: 'hubspot',
        clock,
        random: () => 0,
        settings: { tryTimeoutMs: 500, totalTimeoutMs: 2000, listTimeoutMs: 2000, writeTimeoutMs: 2000 },
      })
      opened.push(calls)
      agents.push(calls.agent)
      const read = contactReader(openClient(settings, calls))
      readMany = ids =>
        read(
          ids.map(id => ({ id })),
          context.call,
        )
      return calls
    },
    records<Kinds>(readers: { readonly [K in keyof Kinds & string]: RecordKindReader<Kinds[K]> }): Records<Kinds> {
      return {
        async load(kind, wanted, { call }) {
          const value = (await readers[kind].read([wanted], call)).get(wanted.id)
          if (value instanceof Error) throw value
          return value ?? null
        },
      }
    },
  }
  const configured = hubspot.configure({
    HUBSPOT_ACCESS_TOKEN: settings.accessToken,
    HUBSPOT_CLIENT_SECRET: settings.clientSecrets.join(),
    HUBSPOT_BASE_URL: settings.baseUrl,
  })
  if (!configured.ok) throw new Error('expected settings without fault')
  const system = configured.open(ports)
  return {
    system,
    context,
    spent,
    agents,
    readMany: ids => readMany(ids),
    close: () => opened.forEach(calls => calls.close()),
  }
}

function ignore(): void {
  // Nobody reads it here.
}

/** A context for calls only; what sources do not use throws. */
function graphContext(spent: string[]): GraphContext {
  const unused = (): never => {
    throw new Error('a source asks the vendor only')
  }
  return {
    call: { priority: 'query', signal: new AbortController().signal, spend: (_, pool) => spent.push(pool) },
    index: { page: unused, sums: unused },
    links: { resolve: unused, entityOf: unused, parentOf: unused, recordsOf: unused, isKnown: unused },
    writes: { write: unused },
    customers: { contactOf: unused, answering: unused },
  }
}
