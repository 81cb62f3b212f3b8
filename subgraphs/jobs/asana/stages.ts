import type { CallContext } from '../../contract.ts'
import { understoodIn, valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { AsanaClient } from './client.ts'
import type { AsanaConfig } from './config.ts'
import { shownName } from './mapping.ts'

/** A stage a job can be in: a section of a project, or an option of an enum custom field. */
export interface Stage {
  readonly gid: string
  /** As jobs show it. */
  readonly name: string
}

export interface Stages {
  /**
   * @param current gid of the stage the job is in: of several stages of one name it is meant
   * @returns the stage that bears this name, or has this gid
   * @throws VendorError `rejected`, naming the known stages, when there is none
   */
  named(name: string, project: string, current: string | null, call: CallContext): Promise<Stage>
  /**
   * @returns the stage of done jobs by the settings; null where they name none
   * @throws VendorError `rejected` when it is not there
   */
  done(project: string, current: string | null, call: CallContext): Promise<Stage | null>
}

/** Asked for with every write: a name that was kept might by now be another stage's. */
export function openStages(client: AsanaClient, config: AsanaConfig): Stages {
  return {
    async named(name, project, current, call) {
      const stages = await stagesOf(client, config, project, call)
      const found = stageNamed(stages, name, current)
      if (found !== null) return found
      const names = stages.map(stage => `"${stage.name}"`).join(', ')
      throw new VendorError('asana', 'rejected', 'there is no stage of that name', {
        inputFault: `status: expected one of ${names || 'no stages at all'}, got "${name.slice(0, 100)}"`,
      })
    },
    async done(project, current, call) {
      if (config.doneStage === null) return null
      const found = stageNamed(await stagesOf(client, config, project, call), config.doneStage, current)
      if (found !== null) return found
      throw new VendorError('asana', 'rejected', 'the stage of ASANA_DONE_STAGE is not there', {
        inputFault: `The stage of done jobs ("${config.doneStage}") is not in the jobs tool (any more). Nothing was changed: the operator of the gateway sets ASANA_DONE_STAGE to one that is.`,
      })
    },
  }
}

/** The stages of a project that jobs can be moved to, in the order of the board. */
export async function stagesOf(
  client: AsanaClient,
  { statusField }: Pick<AsanaConfig, 'statusField'>,
  project: string,
  call: CallContext,
): Promise<readonly Stage[]> {
  if (statusField === null) return (await client.sections(project, call)).map(stageOf)
  const fields = await client.customFields(project, call)
  const options = valueOrNull(fields.find(field => field.gid === statusField)?.enum_options ?? null) ?? []
  return understoodIn(options)
    .filter(({ enabled }) => valueOrNull(enabled) !== false)
    .map(stageOf)
}

export function stageNamed(stages: readonly Stage[], name: string, current: string | null = null): Stage | null {
  const named = stages.filter(stage => stage.name === name)
  return named.find(({ gid }) => gid === current) ?? named[0] ?? stages.find(({ gid }) => gid === name) ?? null
}

function stageOf(record: Parameters<typeof shownName>[0]): Stage {
  return { gid: record.gid, name: valueOrNull(shownName(record)) ?? record.gid }
}
