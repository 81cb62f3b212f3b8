import { get } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { until } from '../until.ts'

/** How often each process is asked whether it is ready. Proxies ask less often, every 1 to 10 seconds. */
const askEveryMs = 500

const longestAnswerMs = 2_000

interface Target {
  readonly port: number
  isReady: boolean
}

/**
 * What stands before several processes, as plain as such a proxy can be: it passes on connections as they are, each to the next
 * process that said to be ready, and keeps them until one side ends them. A process that refuses a connection is passed over,
 * for nothing was sent to it yet; whatever else happens to a connection happens to its client.
 */
export class Balancer {
  readonly #targets: readonly Target[]
  readonly #server: Server
  readonly #open = new Set<Socket>()
  #turn = 0
  #asking: NodeJS.Timeout | null = null

  constructor(ports: readonly number[]) {
    this.#targets = ports.map(port => ({ port, isReady: false }))
    this.#server = createServer({ pauseOnConnect: true }, client => {
      this.#keep(client)
      this.#passOn(client, this.#order())
    })
  }

  /** @returns its URL */
  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('expected a port of this machine')
    this.#asking = setInterval(() => {
      for (const target of this.#targets) void this.#ask(target)
    }, askEveryMs)
    return `http://127.0.0.1:${address.port}`
  }

  /** Resolves once the process at this port gets connections. */
  async ready(port: number): Promise<void> {
    await until(`the process at port ${port} is ready`, () =>
      this.#targets.some(target => target.port === port && target.isReady),
    )
  }

  async close(): Promise<void> {
    if (this.#asking !== null) clearInterval(this.#asking)
    for (const socket of this.#open) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #ask(target: Target): Promise<void> {
    target.isReady = await new Promise<boolean>(resolve => {
      const url = `http://127.0.0.1:${target.port}/health/ready`
      const request = get(url, { agent: false, timeout: longestAnswerMs }, response => {
        response.resume()
        resolve(response.statusCode === 200)
      })
      request.once('timeout', () => request.destroy(new Error('no answer in time')))
      request.once('error', () => resolve(false))
    })
  }

  /** Those that are ready in turn, then the others: with none ready there is nothing to lose by trying. */
  #order(): readonly Target[] {
    this.#turn += 1
    const inTurn = this.#targets
      .map((_, at) => at + this.#turn)
      .flatMap(at => this.#targets[at % this.#targets.length] ?? [])
    return [...inTurn.filter(({ isReady }) => isReady), ...inTurn.filter(({ isReady }) => !isReady)]
  }

  #passOn(client: Socket, [target, ...others]: readonly Target[]): void {
    if (target === undefined) {
      client.destroy()
      return
    }
    const upstream = connect(target.port, '127.0.0.1')
    const refused = (): void => {
      target.isReady = false
      this.#passOn(client, others)
    }
    upstream.once('error', refused)
    upstream.once('connect', () => {
      upstream.removeListener('error', refused)
      this.#keep(upstream)
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        one.once('close', () => other.destroySoon())
        one.pipe(other)
      }
    })
  }

  #keep(socket: Socket): void {
    this.#open.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#open.delete(socket))
  }
}
