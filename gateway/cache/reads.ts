/** How new a record was when an operation read it. */
export interface ReadAt {
  /** When its fetch began, in the order of this process's fetches and evictions. */
  readonly moment: number
  /** The vendor's version; null when it gives none. */
  readonly versionMs: number | null
}

/** The records an operation has read, by `recordKey`. */
export type Reads = ReadonlyMap<string, ReadAt>

function isBefore(one: ReadAt, other: ReadAt): boolean {
  const isVersioned = one.versionMs !== null && other.versionMs !== null
  return isVersioned ? one.versionMs < other.versionMs : one.moment < other.moment
}

/** Whether one of them was read older than others have shown it: told after them, it would go back. */
export function isOlderThan(reads: Reads, shown: Reads): boolean {
  for (const [key, read] of reads) {
    const other = shown.get(key)
    if (other !== undefined && isBefore(read, other)) return true
  }
  return false
}

/** Of each record the newest reading is kept. */
export function addReads(shown: Map<string, ReadAt>, reads: Reads): void {
  for (const [key, read] of reads) {
    const other = shown.get(key)
    if (other === undefined || isBefore(other, read)) shown.set(key, read)
  }
}
