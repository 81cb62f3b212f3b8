import type { RecordKind, Role, System } from '../schema/systems.ts'
import { billingResolvers } from './billing/resolvers.ts'
import { stripe } from './billing/stripe/index.ts'
import type {
  Environment,
  OpenSystem,
  ProjectDefinition,
  SettingDoc,
  SettingFault,
  SystemDefinition,
  SystemPorts,
} from './contract.ts'
import { crmResolvers } from './crm/resolvers.ts'
import { hubspot } from './crm/hubspot/index.ts'
import { jobsResolvers } from './jobs/resolvers.ts'
import { asana } from './jobs/asana/index.ts'

/** A role with the system that plays it, ready to be configured. */
export interface RegisteredRole {
  readonly role: Role
  readonly system: System
  readonly kinds: readonly RecordKind[]
  readonly settings: readonly SettingDoc[]
  readonly project?: ProjectDefinition
  configure(environment: Environment): ConfiguredRole
}

export type ConfiguredRole =
  | { readonly ok: true; open(ports: SystemPorts): OpenRole }
  | { readonly ok: false; readonly faults: readonly SettingFault[] }

export interface OpenRole {
  readonly system: Omit<OpenSystem<unknown>, 'source'>
  /** For the role's SDL. */
  readonly resolvers: ReturnType<typeof crmResolvers | typeof billingResolvers | typeof jobsResolvers>
}

/** Which system plays which role: the only place that knows both. */
export const registry: readonly RegisteredRole[] = [
  register(hubspot, crmResolvers),
  register(stripe, billingResolvers),
  register(asana, jobsResolvers),
]

function register<Source>(
  definition: SystemDefinition<Source>,
  resolversOf: (source: Source) => OpenRole['resolvers'],
): RegisteredRole {
  const { role, system, kinds, settings, project } = definition
  return {
    role,
    system,
    kinds,
    settings,
    project,
    configure(environment) {
      const configured = definition.configure(environment)
      if (!configured.ok) return configured
      return {
        ok: true,
        open(ports) {
          const opened = configured.open(ports)
          return { system: opened, resolvers: resolversOf(opened.source) }
        },
      }
    },
  }
}
