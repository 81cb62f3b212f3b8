import type { System } from '../schema/systems.ts'
import type { Tell } from './control.ts'
import { openContext } from './graph/context.ts'
import type { Runtime } from './runtime.ts'
import type { Secrets } from './webhooks/secrets.ts'

export interface ConnectRequest {
  readonly system: System
  readonly publicUrl: string
  readonly secrets: Secrets
  readonly tell: Tell
  readonly signal: AbortSignal
}

/**
 * Registers with the vendor the webhooks that can be registered by API, and says what is left for a person to do.
 * Runs in the process that answers the vendor's handshake.
 */
export async function connectSystem(
  runtime: Runtime,
  { system, publicUrl, secrets, tell, signal }: ConnectRequest,
): Promise<'done' | 'failed'> {
  const running = runtime.systems.find(one => one.system === system)
  if (running === undefined) {
    tell(`There is no system ${system}; connected are ${runtime.systems.map(one => one.system).join(', ')}.`)
    return 'failed'
  }
  const { adapter } = running
  const call = { ...openContext(runtime.contexts).call, signal }
  tell(`${system}: webhooks are to go to ${publicUrl}/webhooks/${system}`)
  if (isHere(new URL(publicUrl).hostname)) {
    tell('  note     nobody but this machine reaches that address: set PUBLIC_URL to the one the tool can call')
  }
  const report = await adapter.connect({ publicUrl, secrets: secrets.portOf(system, adapter.webhookSecrets), call })
  for (const line of report.done) tell(`  done     ${line}`)
  for (const line of report.missing) tell(`  missing  ${line}`)
  report.manual.forEach((line, at) => tell(`  step ${at + 1}   ${line}`))
  if (report.missing.length === 0 && report.manual.length === 0) tell('  nothing is left to do')
  return report.missing.length === 0 ? 'done' : 'failed'
}

function isHere(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\./.test(host)
}
