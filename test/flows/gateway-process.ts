import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

const longestStartMs = 60_000

/** The gateway as a process that is killed and started again. What it logs goes to the standard error. */
export class GatewayProcess {
  readonly url: string
  readonly #environment: Readonly<Record<string, string>>
  #running: ChildProcess | null = null

  /** @param environment beside what a process needs to run at all; nothing of ours is inherited */
  constructor(port: number, environment: Readonly<Record<string, string>>) {
    this.url = `http://127.0.0.1:${port}`
    this.#environment = { ...environment, PORT: String(port) }
  }

  /** Resolves once it serves. */
  async start(): Promise<void> {
    const child = this.#spawn('gateway/main.ts', [])
    this.#running = child
    const startedAt = performance.now()
    while (!(await this.#isLive())) {
      if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`)
      if (performance.now() - startedAt > longestStartMs) throw new Error('the gateway does not start')
      await wait(20)
    }
  }

  /**
   * Resolves once it has ended; at once when it does not run.
   * @returns its exit code; null when a signal ended it, or it did not run
   */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const running = this.#running
    if (running === null) return null
    this.#running = null
    running.kill(signal)
    return ended(running)
  }

  /** Runs a command of ours with the same settings, to its end. */
  async command(script: string, ...args: readonly string[]): Promise<void> {
    const code = await ended(this.#spawn(script, args))
    if (code !== 0) throw new Error(`${script} ended with ${code}`)
  }

  async #isLive(): Promise<boolean> {
    const isOk = await fetch(`${this.url}/health/live`).then(
      response => response.ok,
      () => false,
    )
    return isOk
  }

  #spawn(script: string, args: readonly string[]): ChildProcess {
    const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...args], {
      env: { PATH, HOME, TMPDIR, ...this.#environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (script === 'gateway/main.ts')
      createInterface(child.stdout).on('line', line => process.stderr.write(`${line}\n`))
    else child.stdout.resume()
    return child
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  return child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise(resolve => child.once('exit', resolve))
}
