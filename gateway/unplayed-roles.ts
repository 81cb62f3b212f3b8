import { GraphQLError } from 'graphql'
import type { System } from '../schema/systems.ts'
import { VendorError } from '../subgraphs/vendor-error.ts'
import type { RegisteredRole } from '../subgraphs/registry.ts'

/** A role of the graph that no tool plays here: none of its tool's settings is given. */
export type UnplayedRole = Pick<RegisteredRole, 'role' | 'system' | 'kinds' | 'settings'>

/** What a client reads where a role is asked that no tool plays. It names the role and the settings that are needed. */
export function roleNotConfigured(unplayed: UnplayedRole): GraphQLError {
  const { role, system } = unplayed
  const needed = neededSettings(unplayed)
  return new GraphQLError(
    `No tool plays the role ${role}: set ${needed.join(', ')} to connect ${system}; .env.example explains each setting.`,
    { extensions: { code: 'ROLE_NOT_CONFIGURED', role, system, settings: needed, isRetryable: false } },
  )
}

/** For stored work of a system that is not connected any more: it waits as for one that is out of reach. */
export function notConnected(unplayed: UnplayedRole): VendorError {
  const message = `it is not connected: set ${neededSettings(unplayed).join(', ')}`
  return new VendorError(unplayed.system, 'unavailable', message)
}

/** What an operator reads who asks something of a system that does not run here. */
export function notConnectedText(
  system: System,
  connected: readonly { readonly system: System }[],
  unplayed: readonly UnplayedRole[],
): string {
  const missing = unplayed.find(one => one.system === system)
  if (missing !== undefined) {
    const needed = neededSettings(missing).join(', ')
    return `${system} is not connected: set ${needed} and start the gateway again; .env.example explains each setting.`
  }
  return `There is no system ${system}; connected are ${connected.map(one => one.system).join(', ')}.`
}

export function neededSettings({ settings }: UnplayedRole): readonly string[] {
  return settings.filter(({ isRequired }) => isRequired).map(({ name }) => name)
}
