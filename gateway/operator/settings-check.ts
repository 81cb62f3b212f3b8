import type { System } from '../../schema/systems.ts'
import type { CallContext, Log, OpenSystem } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'

/** A system as far as its settings go. */
interface Checked {
  readonly system: System
  readonly adapter: Pick<OpenSystem<unknown>, 'settingFaults'>
}

/** What settings name that their tool does not have. It keeps nobody from being served, and is said until it is mended. */
export class SettingsCheck {
  readonly #faults = new Map<System, readonly string[]>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** As last looked. */
  faultsOf(system: System): readonly string[] {
    return this.#faults.get(system) ?? []
  }

  /**
   * Asks the tool. While it cannot be asked, what was known stays.
   * @returns what is wrong, a sentence each
   */
  async look({ system, adapter }: Checked, call: CallContext): Promise<readonly string[]> {
    try {
      const found = (await adapter.settingFaults?.(call)) ?? []
      const known = this.faultsOf(system)
      this.#faults.set(system, found)
      for (const fault of found) if (!known.includes(fault)) this.#log.error({ system, fault }, 'a setting is wrong')
      if (known.length > 0 && found.length === 0) this.#log.info({ system }, 'its settings are right again')
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      if (error.kind !== 'aborted')
        this.#log.warn({ system, reason: error.message }, 'whether its settings are right could not be asked')
    }
    return this.faultsOf(system)
  }
}
