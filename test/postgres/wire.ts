import { connect, createServer, type Socket } from 'node:net'

/** How a wire is cut: each side is told, nobody is, or connections end that ask for something. */
export type Cut = 'ended' | 'silent' | { readonly asking: string }

/** The way between one process and its database. */
export interface Wire {
  /** Of the database, by this way. */
  readonly url: string
  cut(how: Cut): void
  /** What was under way in silence goes on. */
  heal(): void
  close(): Promise<void>
}

/** @param databaseUrl where the way leads */
export async function openWire(databaseUrl: string): Promise<Wire> {
  const database = new URL(databaseUrl)
  const pairs = new Set<readonly [Socket, Socket]>()
  let cut: Cut | null = null
  const server = createServer(client => {
    const upstream = connect(Number(database.port), database.hostname)
    const pair = [client, upstream] as const
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    client.on('data', data => {
      if (typeof cut === 'object' && cut !== null && data.includes(cut.asking)) end()
      else upstream.write(data)
    })
    upstream.on('data', data => client.write(data))
    if (cut === 'ended') end()
    if (cut === 'silent') for (const socket of pair) socket.pause()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port of this machine')
  const url = new URL(databaseUrl)
  url.port = String(address.port)
  const endAll = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy()
      upstream.destroy()
    }
  }
  return {
    url: url.href,
    cut(how) {
      cut = how
      if (how === 'ended') endAll()
      if (how === 'silent') for (const pair of pairs) for (const socket of pair) socket.pause()
    },
    heal() {
      cut = null
      for (const pair of pairs) for (const socket of pair) socket.resume()
    },
    async close() {
      endAll()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
