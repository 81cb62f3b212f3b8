import { composeServices } from '@apollo/composition'
import { ownership, type FieldOwnership } from '../../schema/ownership.ts'
import { CompositionError } from './composition-error.ts'
import { nullabilityFaults, ownershipFaults } from './ownership.ts'
import type { SubgraphSource } from './sources.ts'

/**
 * Composes the supergraph and enforces ownership, per field.
 * @returns the supergraph's SDL
 * @throws CompositionError naming every fault at once
 */
export function compose(
  sources: readonly SubgraphSource[],
  table: Readonly<Record<string, FieldOwnership>> = ownership,
): string {
  const faults = [...ownershipFaults(sources, table), ...nullabilityFaults(sources)]
  const result = composeServices(
    sources.map(({ name, typeDefs }) => ({ name, typeDefs, url: `local://${name}` })),
    { runSatisfiability: true },
  )
  if (result.errors !== undefined) faults.push(...result.errors.map(error => error.message))
  if (faults.length > 0 || result.supergraphSdl === undefined) throw new CompositionError(faults)
  return result.supergraphSdl
}
