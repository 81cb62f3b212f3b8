import { GraphQLError } from 'graphql'
import type { System } from '../../../schema/systems.ts'
import { registry } from '../../../subgraphs/registry.ts'

/**
 * Refuses a name that no tool has, blank text among them: an empty list would say that there is nothing to see.
 * @throws GraphQLError `BAD_USER_INPUT`
 */
export function checkSystem(system: System | null | undefined): void {
  const known = registry.map(one => one.system)
  if (system != null && !known.includes(system))
    throw badInput(`system: expected one of ${known.join(', ')}, got "${system.slice(0, 50)}"`)
}

export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
