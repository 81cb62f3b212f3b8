import { LRUCache } from 'lru-cache'
import type { CallContext, Clock } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { AsanaClient } from './client.ts'
import type { AsanaConfig } from './config.ts'
import type { Section } from './records.ts'

/** The stages a job can be in: sections of a project, or options of an enum custom field. */
export interface Stages {
  /**
   * @returns the gid of the stage that bears this name
   * @throws VendorError `rejected`, naming the known stages, when there is none
   */
  gidOf(name: string, project: string, call: CallContext): Promise<string>
}

const keptMs = 5 * 60_000

export function openStages(client: AsanaClient, config: AsanaConfig, clock: Clock): Stages {
  const kept = new LRUCache<string, readonly Section[]>({
    max: 100,
    ttl: keptMs,
    ttlResolution: 0,
    perf: { now: () => clock.now().getTime() },
  })

  return {
    async gidOf(name, project, call) {
      const known = find(kept.get(project) ?? [], name)
      if (known !== undefined) return known
      // Somebody may just have made it.
      const stages = await list(project, call)
      kept.set(project, stages)
      const found = find(stages, name)
      if (found !== undefined) return found
      const names = stages.map(stage => `"${stage.name}"`).join(', ')
      throw new VendorError('asana', 'rejected', 'there is no stage of that name', {
        inputFault: `status: expected one of ${names || 'no stages at all'}, got "${name.slice(0, 100)}"`,
      })
    },
  }

  async function list(project: string, call: CallContext): Promise<readonly Section[]> {
    if (config.statusField === null) return client.sections(project, call)
    const fields = await client.customFields(project, call)
    const options = fields.find(field => field.gid === config.statusField)?.enum_options ?? []
    return options.filter(option => option.enabled !== false)
  }
}

function find(stages: readonly Section[], name: string): string | undefined {
  return stages.find(stage => stage.name === name)?.gid
}
