import type { SystemDefinition, SystemPorts, OpenSystem } from '../../contract.ts'
import type { JobsSource } from '../source.ts'
import { limitPools, openClient } from './client.ts'
import { isGid, readConfig, settings } from './config.ts'
import type { AsanaConfig } from './config.ts'
import { connect } from './connect.ts'
import { toVendorError } from './faults.ts'
import { settingFaults } from './fields.ts'
import { mentionedKinds, observedOf } from './mapping.ts'
import { nameReaders } from './names.ts'
import { openSource, taskImporter, taskReader } from './source.ts'
import type { AsanaKinds } from './source.ts'
import { openStages } from './stages.ts'
import { names, projectEvents, subscriptions } from './sweep.ts'
import { openUnfinished } from './unfinished.ts'
import { webhookAdapter } from './webhook.ts'

/** Asana as the system that plays the role jobs: tasks of some projects are the jobs. */
export const asana: SystemDefinition<JobsSource> = {
  system: 'asana',
  role: 'jobs',
  kinds: [
    { kind: 'task', entity: 'Job', as: 'owner' },
    { kind: 'section', entity: 'Job', as: 'mentioned', fields: ['status'], isStatus: true },
    { kind: 'enum_option', entity: 'Job', as: 'mentioned', fields: ['status'], isStatus: true },
    { kind: 'user', entity: 'Job', as: 'mentioned', fields: ['assignee'] },
    { kind: 'project', entity: 'Job', as: 'mentioned', fields: [], isContainer: true },
  ],
  settings,
  configure(environment) {
    const read = readConfig(environment)
    if (!read.ok) return read
    return { ok: true, open: ports => open(read.config, ports) }
  },
}

function open(config: AsanaConfig, ports: SystemPorts): OpenSystem<JobsSource> {
  const calls = ports.calls({
    pools: limitPools(config.requestsPerMinute),
    toVendorError,
    isTls: config.baseUrl.startsWith('https:'),
  })
  const client = openClient(config, calls)
  // No `versionOf`: a task keeps its `modified_at` when it moves between sections.
  const records = ports.records<AsanaKinds>({
    task: { read: taskReader(client, config) },
    ...nameReaders(client, config),
  })
  const unfinished = openUnfinished({ client, config, clock: ports.clock })
  return {
    source: openSource(client, records, openStages(client, config), config, unfinished),
    importers: [taskImporter(client, config, ports.log)],
    async observe(record, context) {
      if (record.kind !== 'task') return null
      const task = await records.load('task', { id: record.id }, context)
      return task === null ? null : observedOf(task, config)
    },
    async nameOf({ kind, id }, context) {
      const known = mentionedKinds.find(one => one === kind)
      return known === undefined || !isGid(id) ? null : records.load(known, { id }, context)
    },
    takeBack: unfinished.takeBack,
    webhook: webhookAdapter(config),
    webhookSecrets: [],
    webhookEndpoints: config.projects,
    sweepers: [
      ...config.projects.map(project => projectEvents(client, config, project)),
      names(client, config, ports.log),
    ],
    subscriptions: asked => subscriptions(client, config, asked),
    settingFaults: call => settingFaults(client, config, call),
    connect: connectPorts => connect(client, config, connectPorts),
    close: () => Promise.resolve(),
  }
}
