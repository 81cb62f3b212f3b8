import { ownership } from '../../schema/ownership.ts'
import { CompositionError } from './composition-error.ts'
import { nullabilityFaults, ownershipFaults } from './ownership.ts'
import { committedSupergraph, subgraphSources } from './sources.ts'

/**
 * The supergraph of the SDL in the tree: the committed one while it is fresh, for loading what composes and composing take half
 * a second. Ownership is enforced in either case.
 * @throws CompositionError
 */
export async function supergraph(): Promise<string> {
  const sources = subgraphSources()
  const committed = committedSupergraph()
  if (committed === null) {
    const { compose } = await import('./compose.ts')
    return compose(sources)
  }
  const faults = [...ownershipFaults(sources, ownership), ...nullabilityFaults(sources)]
  if (faults.length > 0) throw new CompositionError(faults)
  return committed
}
