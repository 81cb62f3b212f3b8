import { setTimeout as wait } from 'node:timers/promises'
import { createHash } from 'node:crypto'
import type { System } from '../../schema/systems.ts'
import type { Clock, DeliveryEntry, Log, Received, RefusalReason, WebhookAdapter } from '../../subgraphs/contract.ts'
import { SparingLog } from '../sparing-log.ts'
import type { WebhookAnswer, WebhookRequest } from '../http.ts'
import { StoreError } from '../store/store.ts'
import type { StoredEntry } from '../store/deliveries.ts'
import type { Secrets } from './secrets.ts'

/** A system as far as its webhooks go. */
export interface WebhookSource {
  readonly system: System
  readonly adapter: WebhookAdapter
  readonly endpoints: readonly string[]
  /** Secrets from the settings, newest first. */
  readonly secrets: readonly string[]
}

export interface ReceivePorts {
  readonly sources: readonly WebhookSource[]
  /** As vendors call it, without a trailing slash. */
  readonly publicUrl: string
  readonly secrets: Secrets
  /** Durable once it resolves; entries whose key is known are left out of what it returns. */
  store(
    system: System,
    received: Received,
    entries: readonly DeliveryEntry[],
    receivedAt: Date,
  ): Promise<readonly StoredEntry[]>
  /** Keeps what was refused because its signature fits none of our secrets; returns at once. */
  quarantine(source: WebhookSource, received: Received, receivedAt: Date): void
  /** Takes over what was stored; returns at once. */
  process(entries: readonly StoredEntry[]): void
  readonly clock: Clock
  readonly log: Log
}

/** Says why a request was refused, for whoever reads the vendor's delivery log. */
const refusals: Readonly<Record<RefusalReason, string>> = {
  'signature-missing': 'Expected a signature.',
  'signature-malformed': 'The signature cannot be read.',
  'signature-wrong': 'The signature does not fit the body and our secret.',
  'time-out-of-window': 'The signed time is too far from now.',
}

/**
 * Receives webhooks: verified over the raw bytes, stored, then acknowledged, then worked on.
 * A forged or malformed request is refused with 4xx and leaves nothing behind.
 * @returns null for an address nobody listens on
 */
export function openReceive(
  ports: ReceivePorts,
): (system: string, endpoint: string, request: WebhookRequest) => Promise<WebhookAnswer> | null {
  const sources = new Map(ports.sources.map(source => [source.system, source]))
  // Whoever forges them writes no log of ours full.
  const sparing = new SparingLog(ports.log)
  return (system, endpoint, request) => {
    const source = sources.get(system)
    if (source === undefined || !source.endpoints.includes(endpoint)) return null
    return receive({ ...ports, sparing }, source, endpoint, request)
  }
}

/** How long a webhook waits for the vendor's answer to confirm the handshake that its secret came with. Asana waits 10 s for ours. */
const confirmedWithinMs = 5_000
const confirmedEveryMs = 100

async function receive(
  ports: ReceivePorts & { readonly sparing: SparingLog },
  source: WebhookSource,
  endpoint: string,
  request: WebhookRequest,
): Promise<WebhookAnswer> {
  const { system, adapter, secrets: fromSettings } = source
  const { log, sparing, clock } = ports
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') {
    return { status: 415, text: 'Expected a body that is not compressed.' }
  }
  const received: Received = {
    method: request.method,
    endpoint,
    url: `${ports.publicUrl}${request.path}`,
    headers: request.headers,
    body: request.body,
  }
  try {
    const handshake = adapter.handshake?.(received) ?? null
    if (handshake !== null) {
      if ('refused' in handshake) {
        sparing.warn({ system, endpoint, reason: handshake.refused }, 'a handshake was refused: it cannot be answered')
        return { status: 400, text: `${handshake.refused}.` }
      }
      if (!(await ports.secrets.isHandshakePending(system, endpoint))) {
        sparing.warn({ system, endpoint }, 'a handshake was refused: none is expected; npm run connect asks for one')
        return { status: 403, text: 'No handshake is expected.' }
      }
      // It may have ended meanwhile.
      if (!(await ports.secrets.shakeHands(system, endpoint, handshake.secret)))
        return { status: 403, text: 'No handshake is expected.' }
      return { status: 200, headers: handshake.answerHeaders }
    }
    const receivedAt = clock.now()
    let verdict = adapter.verify(received, fromSettings, receivedAt)
    const isWrong = (): boolean => !verdict.genuine && verdict.reason === 'signature-wrong'
    // What was handed out stands in the store, which may be slow: only those ask it that fit nothing else.
    if (isWrong()) verdict = adapter.verify(received, await ports.secrets.known(system, endpoint), receivedAt)
    if (isWrong()) {
      // Another process may have been handed a new one.
      const secrets = await ports.secrets.of(system, endpoint, [])
      if (secrets.length + fromSettings.length === 0)
        sparing.warn(
          { system, endpoint },
          'there is no secret to verify a webhook with: npm run connect says what to do',
        )
      verdict = adapter.verify(received, secrets, receivedAt)
    }
    const isUnconfirmed = async (): Promise<boolean> => {
      const secrets = adapter.handshake === undefined ? [] : await ports.secrets.unconfirmed(system, endpoint)
      return secrets.length > 0 && adapter.verify(received, secrets, receivedAt).genuine
    }
    if (isWrong() && (await isUnconfirmed())) {
      // The vendor's answer says whose handshake that was; to refuse its first events would count as a failure there.
      for (let waited = 0; await isUnconfirmed(); waited += confirmedEveryMs) {
        if (waited >= confirmedWithinMs)
          return { status: 503, headers: { 'Retry-After': '5' }, text: 'The handshake is not confirmed yet.' }
        await wait(confirmedEveryMs)
      }
      verdict = adapter.verify(received, await ports.secrets.of(system, endpoint, []), receivedAt)
    }
    if (!verdict.genuine) {
      sparing.warn({ system, endpoint, reason: verdict.reason }, 'a webhook was refused')
      if (verdict.reason === 'signature-wrong') ports.quarantine(source, received, receivedAt)
      return { status: 401, text: refusals[verdict.reason] }
    }
    const entries = entriesOf(adapter, received, { system, log })
    const stored = await ports.store(system, received, entries, receivedAt)
    ports.process(stored)
    return { status: 200 }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    sparing.warn({ system, reason: error.message }, 'webhooks cannot be stored; the vendor sends them again')
    return { status: 503, headers: { 'Retry-After': '5' }, text: 'Cannot be stored at the moment.' }
  }
}

/**
 * What a genuine request says. The vendor signed it, so whatever it holds is kept for a person to see rather than sent again
 * and again: a body that cannot be read at all is one unreadable entry.
 */
export function entriesOf(
  adapter: WebhookAdapter,
  received: Received,
  { system, log }: { readonly system: System; readonly log: Log },
): readonly DeliveryEntry[] {
  const whole = (unreadable: string) => [{ key: keyOfBody(received), unreadable }]
  try {
    const read = adapter.read(received)
    return 'entries' in read ? read.entries : whole(read.unreadable)
  } catch (error) {
    log.error({ err: error, system }, 'a genuine webhook could not be read')
    return whole('our code failed to read it: look at the error in the log')
  }
}

function keyOfBody({ body }: Received): string {
  return `body:${createHash('sha256').update(body).digest('hex')}`
}
