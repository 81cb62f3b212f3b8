import { Client } from '@hubspot/api-client'
import type { RequestContext, ResponseContext } from '@hubspot/api-client/lib/codegen/crm/properties/index.js'
import type { CallContext, Clock, RecordReader, VendorCalls, VendorOperation } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { HubspotSettings } from './config.ts'
import { readStages, type Stage } from './records.ts'
import { sdkOptions } from './sdk.ts'

/** The lifecycle stages of the account, its own among them, in their order. */
export interface Stages {
  /** As they are now. @throws VendorError */
  list(call: CallContext): Promise<readonly Stage[]>
  /** Their names by their values, at most a minute old; none when they cannot be read: it is for the record index, which can do without. */
  recentNames(call: CallContext): Promise<ReadonlyMap<string, string>>
}

const read: VendorOperation = {
  name: 'properties.lifecyclestage',
  cost: { account: 1 },
  repeatable: true,
  kind: 'look-up',
}

const recentMs = 60_000

/** Source: HubSpot developer documentation, properties: the options of `lifecyclestage`; stages of one's own have numbers for values. */
export function openStages(settings: HubspotSettings, calls: VendorCalls, clock: Clock): Stages {
  const client = new Client({
    accessToken: settings.accessToken,
    basePath: settings.baseUrl,
    numberOfApiCallRetries: 0,
  })
  const options = () => sdkOptions<RequestContext, ResponseContext>(calls)
  let recent: { readonly untilMs: number; readonly names: Promise<ReadonlyMap<string, string>> } | null = null

  async function list(call: CallContext): Promise<readonly Stage[]> {
    return calls.call(read, call, async () =>
      readStages(
        await client.crm.properties.coreApi.getByName('contacts', 'lifecyclestage', false, undefined, options()),
      ),
    )
  }

  return {
    list,
    recentNames(call) {
      const now = clock.now().getTime()
      if (recent !== null && now < recent.untilMs) return recent.names
      const names = list(call).then(
        stages => new Map(stages.map(({ value, name }) => [value, name])),
        () => {
          // Asked for again by the next page.
          recent = null
          return new Map<string, string>()
        },
      )
      recent = { untilMs: now + recentMs, names }
      return names
    },
  }
}

/** Reads what stages are called: one call for all of them. A value that is no stage (any more) does not exist. */
export function stageReader(stages: Pick<Stages, 'list'>): RecordReader<string> {
  return async (wanted, call) => {
    const names = new Map((await stages.list(call)).map(({ value, name }) => [value, name]))
    return new Map(
      wanted.flatMap(({ id }) => {
        const name = names.get(id)
        return name === undefined ? [] : [[id, name] as const]
      }),
    )
  }
}

/** @throws VendorError `rejected`, naming the stages there are */
export function stageNamed(stages: readonly Stage[], name: string): Stage {
  const found = stages.find(stage => stage.name === name.trim()) ?? stages.find(({ value }) => value === name.trim())
  if (found !== undefined) return found
  const names = stages.map(stage => `"${stage.name}"`).join(', ')
  throw new VendorError('hubspot', 'rejected', 'there is no lifecycle stage of that name', {
    inputFault: `lifecycleStageName: expected one of ${names || 'no stages at all'}, got "${name.slice(0, 100)}"`,
  })
}
