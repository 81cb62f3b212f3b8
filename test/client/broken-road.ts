import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

/** What ends a connection, or keeps one from being made. */
export type Fault =
  | { readonly kind: 'close'; readonly code: number }
  /** The server ends the operation, and leaves the socket open. */
  | { readonly kind: 'complete' }
  /** The connection breaks without a word: 1006. */
  | { readonly kind: 'break' }
  /** The connection stays, and nothing goes through it any more. */
  | { readonly kind: 'silence' }
  /** The operation is refused. */
  | { readonly kind: 'refuse'; readonly code: string; readonly isRetryable: boolean }

/** A road for websockets to a gateway, which breaks in the ways in which roads break. */
export interface BrokenRoad {
  readonly url: string
  /** Connections that were made so far. */
  readonly made: number
  /** Ends what is there. */
  fail(fault: Fault): void
  /** Until it is opened again, nothing listens, or each upgrade is answered with the status. */
  shut(how: 'nothing-listens' | number): Promise<void>
  open(): Promise<void>
}

export async function openBrokenRoad(gatewayUrl: string): Promise<BrokenRoad> {
  const target = `${gatewayUrl.replace('http', 'ws')}/graphql`
  const pairs = new Set<Pair>()
  const sockets = new Set<Socket>()
  let made = 0
  let port = 0
  let refusedWith: number | null = null
  let http = createServer()

  const listen = async (): Promise<void> => {
    const upgrades = new WebSocketServer({ noServer: true })
    const server = createServer()
    server.on('connection', socket => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    server.on('upgrade', (request, socket, head) => {
      if (refusedWith !== null) {
        socket.end(`HTTP/1.1 ${refusedWith} No\r\nConnection: close\r\n\r\n`)
        return
      }
      upgrades.handleUpgrade(request, socket, head, client => {
        made += 1
        const pair = relay(client, target, request.headers['sec-websocket-protocol'])
        pairs.add(pair)
        client.on('close', () => pairs.delete(pair))
      })
    })
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
    const address = server.address()
    port = typeof address === 'object' && address !== null ? address.port : port
    http = server
  }
  const end = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => http.close(resolve))
  }
  await listen()
  onTestFinished(end)
  return {
    get url() {
      return `http://127.0.0.1:${port}/graphql`
    },
    get made() {
      return made
    },
    fail(fault) {
      for (const pair of pairs) pair.fail(fault)
    },
    async shut(how) {
      if (how === 'nothing-listens') return end()
      refusedWith = how
      for (const socket of sockets) socket.destroy()
    },
    async open() {
      refusedWith = null
      if (!http.listening) await listen()
    },
  }
}

interface Pair {
  fail(fault: Fault): void
}

function relay(client: WebSocket, target: string, protocol: string | undefined): Pair {
  const server = new WebSocket(target, protocol)
  let isSilent = false
  const waiting: string[] = []
  const ids: string[] = []
  client.on('message', (data: Buffer) => {
    if (isSilent) return
    const text = data.toString()
    const id = /"id":"([^"]+)"/.exec(text)?.[1]
    if (id !== undefined) ids.push(id)
    if (server.readyState === WebSocket.OPEN) server.send(text)
    else waiting.push(text)
  })
  server.on('open', () => {
    for (const text of waiting.splice(0)) server.send(text)
  })
  server.on('message', (data: Buffer) => {
    if (!isSilent) client.send(data.toString())
  })
  server.on('error', () => client.terminate())
  server.on('close', code => (code === 1006 ? client.terminate() : client.close(code)))
  client.on('close', () => server.terminate())
  client.on('error', () => server.terminate())
  return {
    fail(fault) {
      switch (fault.kind) {
        case 'close':
          return closeWith(client, fault.code)
        case 'break':
          return client.terminate()
        case 'silence':
          isSilent = true
          return client.pause()
        case 'complete':
          for (const id of ids) {
            server.send(JSON.stringify({ id, type: 'complete' }))
            client.send(JSON.stringify({ id, type: 'complete' }))
          }
          return
        case 'refuse': {
          const { code, isRetryable } = fault
          const payload = [{ message: 'no', extensions: { code, isRetryable } }]
          for (const id of ids) {
            server.send(JSON.stringify({ id, type: 'complete' }))
            client.send(JSON.stringify({ id, type: 'error', payload }))
          }
        }
      }
    },
  }
}

function closeWith(socket: WebSocket, code: number): void {
  socket.close(code, 'a fault of the test')
}
