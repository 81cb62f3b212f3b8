import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent as HttpAgent } from 'node:http'
import type { Agent, AgentOptions, ClientRequest } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

declare module 'http' {
  interface Agent {
    /** What `http.request` hands itself to. Not in Node's documentation, but what every agent package builds on. */
    addRequest(request: ClientRequest, options: object): void
  }
}

/** The requests one attempt sends, whichever SDK sends them. */
export interface RequestScope {
  /** Requests sent through the agent by `send`, and by whatever it starts, belong to this scope. */
  run<T>(send: () => T): T
  /** Destroys the requests that are not finished, and all that are still to come. */
  end(): void
}

export interface VendorAgent {
  readonly agent: Agent
  /** @param onTooLarge called when an answer passes the bound, just before its request is destroyed */
  open(onTooLarge: () => void): RequestScope
  /** Closes all connections. */
  close(): void
}

/** Bytes of one answer, headers included, as they come from the connection (before any decompression). */
export const mostAnswerBytes = 8 * 1024 * 1024

const options: AgentOptions = {
  keepAlive: true,
  maxSockets: 32,
  maxTotalSockets: 64,
  maxFreeSockets: 8,
  // Idle connections are closed before the vendor's load balancers close them under a request.
  timeout: 15_000,
}

/**
 * One bounded pool of kept-alive connections to one account.
 * axios, superagent, node-fetch and Stripe's client all end in `http.request` with this agent, and not all of them let
 * go of a request they were told to abort: here it is destroyed whoever holds it.
 */
export function openAgent(isTls: boolean): VendorAgent {
  const agent: Agent = isTls ? new HttpsAgent(options) : new HttpAgent(options)
  const scopes = new AsyncLocalStorage<{ add(request: ClientRequest): void }>()
  const addRequest = agent.addRequest.bind(agent)
  agent.addRequest = (request, requestOptions) => {
    scopes.getStore()?.add(request)
    addRequest(request, requestOptions)
  }

  return {
    agent,
    open(onTooLarge) {
      const unfinished = new Set<ClientRequest>()
      let isEnded = false
      const scope = {
        add(request: ClientRequest): void {
          // Who was told to stop may no longer listen for the error that follows.
          request.on('error', () => undefined)
          if (isEnded) {
            request.destroy(new Error('the vendor call this request belongs to has ended'))
            return
          }
          unfinished.add(request)
          request.once('close', () => unfinished.delete(request))
          bound(request, onTooLarge)
        },
      }
      return {
        run: send => scopes.run(scope, send),
        end() {
          isEnded = true
          for (const request of unfinished)
            request.destroy(new Error('the vendor call this request belongs to has ended'))
          unfinished.clear()
        },
      }
    },
    close: () => agent.destroy(),
  }
}

/** Counts at the connection: a listener on the answer would make it flow before its reader is there. */
function bound(request: ClientRequest, onTooLarge: () => void): void {
  request.once('socket', socket => {
    let bytes = 0
    const count = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes <= mostAnswerBytes) return
      socket.off('data', count)
      // The chunk may be the answer's last: then the socket soon belongs to no request that would hear its error.
      socket.on('error', () => undefined)
      onTooLarge()
      request.destroy(new Error(`the answer is larger than ${mostAnswerBytes} bytes`))
    }
    // Before the parser, which lets go of the socket with the last chunk.
    socket.prependListener('data', count)
    request.once('close', () => socket.off('data', count))
  })
}
