import type { SystemDefinition, SystemPorts, OpenSystem } from '../../contract.ts'
import type { JobsSource } from '../source.ts'
import { openClient, pools } from './client.ts'
import { readConfig, settings } from './config.ts'
import type { AsanaConfig } from './config.ts'
import { connect } from './connect.ts'
import { toVendorError } from './faults.ts'
import { settingFaults } from './fields.ts'
import { observedOf } from './mapping.ts'
import { openSource, taskImporter, taskReader } from './source.ts'
import type { AsanaKinds } from './source.ts'
import { openStages } from './stages.ts'
import { projectEvents, subscriptions } from './sweep.ts'
import { openUnfinished } from './unfinished.ts'
import { webhookAdapter } from './webhook.ts'

/** Asana as the system that plays the role jobs: tasks of some projects are the jobs. */
export const asana: SystemDefinition<JobsSource> = {
  system: 'asana',
  role: 'jobs',
  kinds: [{ kind: 'task', entity: 'Job', as: 'owner' }],
  settings,
  configure(environment) {
    const read = readConfig(environment)
    if (!read.ok) return read
    return { ok: true, open: ports => open(read.config, ports) }
  },
}

function open(config: AsanaConfig, ports: SystemPorts): OpenSystem<JobsSource> {
  const calls = ports.calls({ pools, toVendorError, isTls: config.baseUrl.startsWith('https:') })
  const client = openClient(config, calls)
  // No `versionOf`: a task keeps its `modified_at` when it moves between sections.
  const records = ports.records<AsanaKinds>({ task: { read: taskReader(client, config) } })
  const unfinished = openUnfinished({ client, config, clock: ports.clock })
  return {
    source: openSource(client, records, openStages(client, config, ports.clock), config, unfinished),
    importers: [taskImporter(client, config, ports.log)],
    async observe(record, context) {
      if (record.kind !== 'task') return null
      const task = await records.load('task', { id: record.id }, context)
      return task === null ? null : observedOf(task, config)
    },
    takeBack: unfinished.takeBack,
    webhook: webhookAdapter(config),
    webhookSecrets: [],
    webhookEndpoints: config.projects,
    sweepers: config.projects.map(project => projectEvents(client, config, project)),
    subscriptions: asked => subscriptions(client, config, asked),
    settingFaults: call => settingFaults(client, config, call),
    connect: connectPorts => connect(client, config, connectPorts),
    close: () => Promise.resolve(),
  }
}
