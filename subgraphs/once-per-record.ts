/**
 * Makes what follows from a record once as long as the record is held: the cache answers the same object to every reader, and a
 * record never changes.
 * @param make must read nothing but the record
 */
export function oncePerRecord<Held extends object, Made>(make: (record: Held) => Made): (record: Held) => Made {
  const kept = new WeakMap<Held, { readonly made: Made }>()
  return record => {
    const known = kept.get(record) ?? { made: make(record) }
    kept.set(record, known)
    return known.made
  }
}
