import { createClient, type Client } from 'graphql-ws'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { seenOf, sequenceOf, type Seen } from '../frames.ts'

/** Someone who watches as a frontend does: it reconnects by itself and goes on with the cursor of the last frame it saw. */
export interface Watcher {
  readonly what: string
  readonly seen: readonly Seen[]
  /** Why its socket was closed, each time. */
  readonly closings: readonly string[]
  /** Why it hears of nothing more; null while it does. */
  readonly ended: string | null
  end(): Promise<void>
}

const closeEvent = z.object({ code: z.number(), reason: z.string() })

/** @param subscription with a variable `$after` */
export function watch(url: string, what: string, subscription: string): Watcher {
  const client: Client = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket })
  const seen: Seen[] = []
  const closings: string[] = []
  let ended: string | null = null
  client.on('closed', event => {
    const { code, reason } = closeEvent.parse(event)
    closings.push(`${code} ${reason}`)
  })
  // The library sends it again as it is by then.
  const variables: { after?: string } = {}
  client.subscribe(
    { query: subscription, variables },
    {
      next(frame) {
        try {
          const one = seenOf(frame)
          variables.after = one.change.cursor
          seen.push(one)
        } catch {
          ended = `it got ${JSON.stringify(frame)}`
        }
      },
      error: reason => (ended = `it failed: ${reason instanceof Error ? reason.message : JSON.stringify(reason)}`),
      complete: () => (ended ??= 'it was completed'),
    },
  )
  return {
    what,
    seen,
    closings,
    get ended() {
      return ended
    },
    async end() {
      await client.dispose()
    },
  }
}

/** The Changes between the first frame of a feed and the end that it did not tell, or told again, in words. */
export function faultsOfFeed({ what, seen }: Watcher, sequences: readonly number[]): readonly string[] {
  const [first, ...told] = seen.map(sequenceOf)
  if (first === undefined) return [`${what}: no first frame`]
  const times = new Map<number, number>()
  for (const sequence of told) times.set(sequence, (times.get(sequence) ?? 0) + 1)
  const missed = sequences.filter(sequence => sequence > first && !times.has(sequence))
  const again = [...times].filter(([, count]) => count > 1)
  return [
    ...missed.map(sequence => `${what}: Change ${sequence} was not told`),
    ...again.map(([sequence, count]) => `${what}: Change ${sequence} was told ${count} times`),
  ]
}
