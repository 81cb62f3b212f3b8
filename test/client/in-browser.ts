import { print } from 'graphql'
import { openLiveSocket } from './live-socket.ts'
import { CustomersPageDocument, WatchChangesDocument, type WatchChangesSubscription } from './preset/graphql.ts'
import { openUrql } from './urql.ts'

/** What a page of a browser does with the clients; bundled by the test. */
interface Page {
  /** Customers on the first two pages of two. */
  pages(url: string): Promise<number>
  watch(url: string): void
  readonly cursors: string[]
  readonly troubles: string[]
}

const cursors: string[] = []
const troubles: string[] = []

const page: Page = {
  cursors,
  troubles,
  async pages(url) {
    const client = openUrql(url, openLiveSocket(url))
    const first = await client.query(CustomersPageDocument, { first: 2 })
    const after = first.data?.customers?.pageInfo.endCursor
    const both = await client.query(CustomersPageDocument, { first: 2, after })
    return both.data?.customers?.edges.length ?? 0
  },
  watch(url) {
    const onTrouble = (reason: unknown): void => void troubles.push(String(reason))
    const socket = openLiveSocket(url, { restMs: 20, pingMs: 100, onTrouble })
    socket.subscribe<WatchChangesSubscription>(
      { query: print(WatchChangesDocument) },
      {
        next: ({ data }) => void cursors.push(data?.changes?.change.cursor ?? 'none'),
        error: reason => void troubles.push(`refused: ${JSON.stringify(reason)}`),
        complete: () => undefined,
      },
    )
  },
}

Object.assign(globalThis, { page })
