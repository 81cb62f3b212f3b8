/** The graph cannot be built; the message lists every fault found. */
export class CompositionError extends Error {
  override readonly name = 'CompositionError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(`The graph cannot be composed:\n${faults.map(fault => `- ${fault}`).join('\n')}`)
    this.faults = faults
  }
}
