/** What a `nodeId` names: a thing of a type of the graph, by what makes it unique within the type. */
export interface NodeName {
  readonly type: string
  readonly parts: readonly [string, ...string[]]
}

/** Type, then the parts; only the last may hold a colon, so no two names are written alike. */
const written = /^([A-Za-z]\w*):(.+)$/s

/** The `nodeId` of what is named; opaque to clients. */
export function nodeIdOf({ type, parts }: NodeName): string {
  return Buffer.from([type, ...parts].join(':')).toString('base64url')
}

/** @returns null for text that `nodeIdOf` makes of nothing */
export function readNodeId(nodeId: string): { readonly type: string; readonly rest: string } | null {
  const text = Buffer.from(nodeId, 'base64url').toString()
  // Other spellings of it, padding and bytes that are no text: one thing has one nodeId.
  if (Buffer.from(text).toString('base64url') !== nodeId || text.includes('\0')) return null
  const [, type = '', rest = ''] = written.exec(text) ?? []
  return type === '' ? null : { type, rest }
}
