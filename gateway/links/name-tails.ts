/** A name from each of its words on. */
export function tailsOf(name: string): readonly string[] {
  const starts = [...name.matchAll(/(?<=^| )./gu)].map(({ index }) => index)
  return [...new Set(starts.map(start => name.slice(start)))]
}
