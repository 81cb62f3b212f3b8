/**
 * What follows from a history of contacts, copies and references, said once more and without any store: after each happening
 * everything is decided anew, by the rule alone. What the gateway has, it gets by looking only at what the happening concerns.
 */
export type Happening =
  | { readonly is: 'contact'; readonly id: string; readonly email: string | null; readonly emails: readonly string[] }
  | { readonly is: 'no contact'; readonly id: string }
  | { readonly is: 'merge'; readonly loser: string; readonly winner: string }
  | { readonly is: 'copy'; readonly id: string; readonly email: string | null; readonly names: string | null }
  | { readonly is: 'no copy'; readonly id: string }
  | { readonly is: 'order'; readonly id: string; readonly of: string; readonly email: string | null }
  | { readonly is: 'job'; readonly id: string; readonly text: string }
  | { readonly is: 'said'; readonly copy: string; readonly contact: string | null }
  | { readonly is: 'taken back'; readonly copy: string }

interface Copy {
  email: string | null
  names: string | null
  isLiving: boolean
  /** Stays while the copy is gone, and while its contact is: it counts again once that is there again. */
  link: string | null
  said: 'nothing' | 'whose' | 'nobody'
  doubt: string | null
}

interface Child {
  entity: string | null
  fault: string | null
}

export class History {
  readonly contacts = new Map<string, ReadonlySet<string>>()
  readonly winners = new Map<string, string>()
  readonly copies = new Map<string, Copy>()
  readonly orders = new Map<string, Child & { of: string; email: string | null }>()
  readonly jobs = new Map<string, Child & { text: string }>()
  /** Every id that was ever a record's: a text that is one is no e-mail. */
  readonly #known = new Set<string>()

  /** Whether it can happen to what there is. */
  isPossible(happening: Happening): boolean {
    switch (happening.is) {
      case 'merge':
        return (
          happening.loser !== happening.winner &&
          this.contacts.has(happening.loser) &&
          this.contacts.has(happening.winner)
        )
      case 'no contact':
        return this.contacts.has(happening.id)
      case 'no copy':
        return this.copies.get(happening.id)?.isLiving === true
      case 'said':
        return (
          this.copies.get(happening.copy)?.isLiving === true &&
          (happening.contact === null || this.contacts.has(happening.contact))
        )
      case 'taken back':
        return this.copies.get(happening.copy)?.isLiving === true
      default:
        return true
    }
  }

  add(happening: Happening): void {
    this.#happen(happening)
    for (const copy of this.copies.values()) if (copy.isLiving) this.#match(copy)
    for (const order of this.orders.values()) this.#resolveOrder(order)
    for (const job of this.jobs.values()) this.#resolveJob(job)
  }

  #happen(happening: Happening): void {
    switch (happening.is) {
      case 'contact': {
        const { id, email, emails } = happening
        this.contacts.set(id, new Set([email ?? [], emails].flat()))
        this.winners.delete(id)
        this.#known.add(id)
        return
      }
      case 'no contact':
        this.contacts.delete(happening.id)
        return
      case 'merge': {
        const { loser, winner } = happening
        const both = [...(this.contacts.get(winner) ?? []), ...(this.contacts.get(loser) ?? [])]
        this.contacts.set(winner, new Set(both))
        this.contacts.delete(loser)
        for (const [id, into] of this.winners) if (into === loser) this.winners.set(id, winner)
        this.winners.set(loser, winner)
        for (const copy of this.copies.values()) if (copy.link === loser) copy.link = winner
        return
      }
      case 'copy': {
        const { id, email, names } = happening
        this.#known.add(id)
        const before = this.copies.get(id) ?? { link: null, said: 'nothing', doubt: null }
        this.copies.set(id, { ...before, email, names, isLiving: true })
        return
      }
      case 'no copy': {
        const copy = this.copies.get(happening.id)
        if (copy !== undefined) Object.assign(copy, { isLiving: false, doubt: null })
        return
      }
      case 'order': {
        const { id, of, email } = happening
        const before = this.orders.get(id)
        this.orders.set(id, { of, email, entity: before?.of === of ? before.entity : null, fault: null })
        return
      }
      case 'job': {
        const { id, text } = happening
        const before = this.jobs.get(id)
        this.jobs.set(id, { text, entity: before?.text === text ? before.entity : null, fault: null })
        return
      }
      case 'said': {
        const copy = this.copies.get(happening.copy)
        if (copy === undefined) return
        Object.assign(copy, {
          link: happening.contact,
          said: happening.contact === null ? 'nobody' : 'whose',
          doubt: null,
        })
        return
      }
      case 'taken back': {
        const copy = this.copies.get(happening.copy)
        if (copy !== undefined) Object.assign(copy, { link: null, said: 'nothing' })
      }
    }
  }

  #holders(email: string | null): readonly string[] {
    return [...this.contacts].flatMap(([id, emails]) => (email !== null && emails.has(email) ? [id] : [])).toSorted()
  }

  #living(id: string | null): string | null {
    if (id === null) return null
    const final = this.winners.get(id) ?? id
    return this.contacts.has(final) ? final : null
  }

  #match(copy: Copy): void {
    if (copy.said === 'nobody') return
    const present = this.#living(copy.link)
    if (copy.said === 'whose') {
      if (present !== null) {
        copy.doubt = null
        return
      }
    }
    const named = this.#living(copy.names)
    const holders = copy.names === null ? this.#holders(copy.email) : []
    const isHeldByOthers = holders.some(id => id !== present)
    const [only, ...others] = holders
    if (copy.names !== null) {
      copy.doubt = named === null ? 'UNKNOWN_REFERENCE' : null
      if (named !== null) this.#link(copy, named)
    } else if (present !== null) {
      const reason = holders.includes(present) ? 'AMBIGUOUS_EMAIL' : 'CONTRADICTED'
      copy.doubt = isHeldByOthers ? reason : null
    } else {
      copy.doubt = only === undefined ? 'BIRTH' : others.length > 0 ? 'AMBIGUOUS_EMAIL' : null
      if (only !== undefined && others.length === 0) this.#link(copy, only)
    }
  }

  /** What a person said of another contact is over then. */
  #link(copy: Copy, contact: string): void {
    if (copy.link !== contact) copy.said = 'nothing'
    copy.link = contact
  }

  #resolveOrder(order: Child & { of: string; email: string | null }): void {
    const copy = this.copies.get(order.of)
    const present = this.#living(order.entity)
    order.fault = null
    const linked = this.#living(copy?.link ?? null)
    if (linked !== null || copy?.isLiving === true || copy?.said === 'nobody') {
      order.entity = linked
      return
    }
    const holders = this.#holders(order.email)
    order.entity = present ?? (holders.length === 1 ? (holders[0] ?? null) : null)
    if (order.entity === null) order.fault = holders.length > 1 ? 'AMBIGUOUS_EMAIL' : 'UNKNOWN_REFERENCE'
  }

  #resolveJob(job: Child & { text: string }): void {
    const linked = this.#living(this.copies.get(job.text)?.link ?? null)
    const byId = this.#living(job.text) ?? linked
    const holders = this.#holders(job.text)
    const byEmail = this.#known.has(job.text)
      ? null
      : (this.#living(job.entity) ?? (holders.length === 1 ? (holders[0] ?? null) : null))
    job.entity = byId ?? byEmail
    const isHeldByOthers = holders.some(id => id !== job.entity)
    if (job.entity === null) job.fault = holders.length > 1 ? 'AMBIGUOUS_EMAIL' : 'UNKNOWN_REFERENCE'
    else if (!isHeldByOthers) job.fault = null
    else job.fault = holders.includes(job.entity) ? 'AMBIGUOUS_EMAIL' : 'CONTRADICTED'
  }

  /** In lines, sorted: what the gateway must have. */
  lines(): readonly string[] {
    const copies = [...this.copies].flatMap(([id, { link, doubt, isLiving }]) =>
      isLiving ? [`${id} of ${this.#living(link)} ${doubt}`] : [],
    )
    const children = [...this.orders, ...this.jobs].map(([id, { entity, fault }]) => `${id} of ${entity} ${fault}`)
    return [...copies, ...children].toSorted()
  }
}
