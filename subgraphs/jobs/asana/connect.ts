import type { ConnectPorts, ConnectReport } from '../../contract.ts'
import { VendorError, type VendorErrorKind } from '../../vendor-error.ts'
import type { AsanaClient } from './client.ts'
import type { AsanaConfig } from './config.ts'
import { doneStageFaults, fieldFaults } from './fields.ts'
import type { Webhook } from './records.ts'
import { lacksFilters, secretFault, webhookFilters } from './webhook.ts'

/** After these it is not known what came of a request. */
const unanswered: ReadonlySet<VendorErrorKind> = new Set(['timeout', 'unavailable', 'unreadable'])

/**
 * Looks whether the projects can be read and hold the custom fields, and registers a webhook for each. What is there and
 * works is left alone, so it may run as often as one likes. What one project lacks does not keep the others waiting.
 */
export async function connect(client: AsanaClient, config: AsanaConfig, ports: ConnectPorts): Promise<ConnectReport> {
  const done: string[] = []
  const missing: string[] = []
  const manual: string[] = []
  /** Projects by what the vendor answered: with a wrong token all fail alike. */
  const failed = new Map<string, string[]>()
  for (const project of config.projects) {
    try {
      missing.push(...(await fieldFaults(client, config, project, ports.call)))
      missing.push(...(await doneStageFaults(client, config, project, ports.call)))
      await registerWebhook(project)
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      const fault = `${error.reason}${hintFor(error)}`
      failed.set(fault, [...(failed.get(fault) ?? []), project])
    }
  }
  for (const [fault, projects] of failed) {
    missing.push(`${projects.length === 1 ? 'project' : 'projects'} ${projects.join(', ')}: ${fault}`)
  }
  return { done, missing, manual }

  async function registerWebhook(project: string): Promise<void> {
    const target = `${ports.publicUrl}/webhooks/asana/${project}`
    const workspace = await client.workspaceOf(project, ports.call)
    const existing = await client.webhooks(workspace, project, ports.call)
    const secrets = await ports.secrets.of(project)
    const ours = existing.filter(webhook => webhook.target === target)
    // Without its secret nothing it sends can be verified, and the secret is sent only once.
    const working = secrets.length > 0 ? ours.find(webhook => webhook.active) : undefined
    for (const webhook of ours) if (webhook !== working) await client.deleteWebhook(webhook.gid, ports.call)
    reportStrangers(project, existing)
    if (working !== undefined) {
      const isOld = lacksFilters(working)
      if (isOld) await client.filterWebhook(working.gid, webhookFilters, ports.call)
      done.push(
        `project ${project}: the webhook ${working.gid} is active${isOld ? ', and now tells all we ask for' : ''}`,
      )
      return
    }
    const create = () =>
      ports.secrets.whileHandshakePending(
        project,
        () => client.createWebhook(project, target, webhookFilters, ports.call),
        ({ secret }) => {
          if (secret === null) return 'not-said'
          return secretFault(secret) === null ? { secret } : 'refused'
        },
      )
    const { gid, secret } = await create().catch(async (error: unknown) => {
      if (!(error instanceof VendorError) || !(unanswered.has(error.kind) || error.kind === 'unauthorized')) throw error
      // It may have been made, and which handshake's secret is its own was in the answer: what was made is taken away and made anew.
      // One that was made meanwhile, or was not listed yet, has it refused as a duplicate, with 403.
      const made = (await client.webhooks(workspace, project, ports.call)).filter(webhook => webhook.target === target)
      if (made.length === 0 && !unanswered.has(error.kind)) throw error
      for (const webhook of made) await client.deleteWebhook(webhook.gid, ports.call)
      return create()
    })
    const fault = await handshakeFault(project, secret, secrets)
    if (fault === null) {
      done.push(`project ${project}: registered the webhook ${gid} to ${target}`)
      return
    }
    // Nothing that it sends could be verified.
    await client.deleteWebhook(gid, ports.call)
    missing.push(`project ${project}: ${fault}. The webhook ${gid} was deleted again`)
  }

  /** @returns why what a new webhook sends cannot be verified; null when it can */
  async function handshakeFault(
    project: string,
    secret: string | null,
    before: readonly string[],
  ): Promise<string | null> {
    if (secret !== null) {
      const fault = secretFault(secret)
      return fault === null ? null : `the secret of the handshake: ${fault}; look at what stands between Asana and us`
    }
    const known = await ports.secrets.of(project)
    if (known.some(one => !before.includes(one))) return null
    return 'Asana made a webhook, and no handshake with a secret came; check that PUBLIC_URL leads to this gateway, and its log for a handshake that was refused. Of several that came none counts: run connect again'
  }

  /** Left from another address of this gateway. Asana would keep on trying them for a day. */
  function reportStrangers(project: string, existing: readonly Webhook[]): void {
    for (const { gid, target } of existing) {
      if (!target.endsWith(`/webhooks/asana/${project}`) || target.startsWith(`${ports.publicUrl}/`)) continue
      manual.push(
        `project ${project}: the webhook ${gid} goes to another address (${target}); delete it if it is not used`,
      )
    }
  }
}

/** The vendor's own words are about what was just sent to it: a gid or the public address. */
function hintFor(error: VendorError): string {
  if (error.inputFault !== undefined) return `: ${error.inputFault}`
  if (error.kind === 'unauthorized')
    return '; check ASANA_ACCESS_TOKEN, that its user may edit the project, and that the public address is not a local one'
  return error.isPassing ? '; try again later' : ''
}
