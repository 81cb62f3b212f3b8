import type { CallContext } from '../../contract.ts'
import { valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { AsanaClient } from './client.ts'
import type { AsanaConfig } from './config.ts'
import { stageNamed, stagesOf } from './stages.ts'

/**
 * Looks whether a project holds the custom fields that the settings name, of the type they must have: of one that is not there every
 * task is silently without it.
 * @returns a sentence a fault: which setting, what came, what was expected, what to do
 */
export async function fieldFaults(
  client: AsanaClient,
  { customerField, orderField, statusField }: AsanaConfig,
  project: string,
  call: CallContext,
): Promise<readonly string[]> {
  const fields = new Map((await client.customFields(project, call)).map(field => [field.gid, field]))
  const wanted = [
    { setting: 'ASANA_CUSTOMER_FIELD', gid: customerField, kind: 'text' },
    { setting: 'ASANA_ORDER_FIELD', gid: orderField, kind: 'text' },
    { setting: 'ASANA_STATUS', gid: statusField, kind: 'enum' },
  ]
  return wanted.flatMap(({ setting, gid, kind }) => {
    if (gid === null) return []
    const came = valueOrNull(fields.get(gid)?.resource_subtype ?? null)
    if (came === kind) return []
    const got = fields.has(gid) ? `is of type ${came ?? 'unknown'}` : 'is not in the project'
    const fitting = [...fields.values()]
      .filter(field => valueOrNull(field.resource_subtype) === kind)
      .map(field => field.gid)
    const there = fitting.length === 0 ? 'it has none' : `it has ${fitting.join(', ')}`
    return `project ${project}: the custom field ${gid} (${setting}) ${got}; expected one of type ${kind} (${there}): set ${setting} to its gid, or add the field to the project in Asana and run npm run import -- --restart asana`
  })
}

/** Looks whether a project has the stage that completed jobs are moved to. */
export async function doneStageFaults(
  client: AsanaClient,
  config: AsanaConfig,
  project: string,
  call: CallContext,
): Promise<readonly string[]> {
  const { doneStage } = config
  if (doneStage === null) return []
  const stages = await stagesOf(client, config, project, call)
  if (stageNamed(stages, doneStage) !== null) return []
  const there = stages.map(({ name }) => `"${name}"`).join(', ') || 'none'
  return [
    `project ${project}: it has no stage "${doneStage}" (ASANA_DONE_STAGE), so that its jobs cannot be completed; expected one of its stages (${there}): set ASANA_DONE_STAGE to its name or gid`,
  ]
}

/** The same of all projects. A project that Asana does not show is a fault of the settings too. */
export async function settingFaults(
  client: AsanaClient,
  config: AsanaConfig,
  call: CallContext,
): Promise<readonly string[]> {
  const faults = await Promise.all(
    config.projects.map(async project => {
      try {
        const faults = await fieldFaults(client, config, project, call)
        return [...faults, ...(await doneStageFaults(client, config, project, call))]
      } catch (error) {
        if (!(error instanceof VendorError) || error.kind !== 'not-found') throw error
        return [
          `project ${project} (ASANA_PROJECTS) cannot be found, so that it has no jobs any more; it may have been deleted. Expected a project that the user of ASANA_ACCESS_TOKEN can edit: copy its gid from its address in Asana, or restore the project`,
        ]
      }
    }),
  )
  return faults.flat()
}
