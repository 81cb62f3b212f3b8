import type { CallContext } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { AsanaClient } from './client.ts'
import type { AsanaConfig } from './config.ts'

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
    const came = fields.get(gid)?.resource_subtype
    if (came === kind) return []
    const got = fields.has(gid) ? `is of type ${came ?? 'unknown'}` : 'is not in the project'
    const fitting = [...fields.values()].filter(field => field.resource_subtype === kind).map(field => field.gid)
    const there = fitting.length === 0 ? 'it has none' : `it has ${fitting.join(', ')}`
    return `project ${project}: the custom field ${gid} (${setting}) ${got}; expected one of type ${kind} (${there}): set ${setting} to its gid, or add the field to the project in Asana and run npm run import -- --restart asana`
  })
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
        return await fieldFaults(client, config, project, call)
      } catch (error) {
        if (!(error instanceof VendorError) || error.kind !== 'not-found') throw error
        return [
          `project ${project} (ASANA_PROJECTS) cannot be found; expected a project that the user of ASANA_ACCESS_TOKEN can edit: copy its gid from its address in Asana`,
        ]
      }
    }),
  )
  return faults.flat()
}
