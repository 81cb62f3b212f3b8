/** How new a record was when an operation read it. */
export interface ReadAt {
  /** When its fetch began, in the order of this process's fetches and evictions. */
  readonly moment: number
  /** The vendor's version; null when it gives none. */
  readonly versionMs: number | null
}

/** The records an operation has read, by `recordKey`. */
export type Reads = ReadonlyMap<string, ReadAt>

/** Whether one of them was read older than others have shown it: told after them, it would go back. */
export function isOlderThan(reads: Reads, shown: Reads): boolean {
  for (const [key, read] of reads) {
    const other = shown.get(key)
    if (other === undefined) continue
    const isVersioned = read.versionMs !== null && other.versionMs !== null
    if (isVersioned ? read.versionMs < other.versionMs : read.moment < other.moment) return true
  }
  return false
}
