import type { RecordRef } from '../../../schema/systems.ts'
import { belongingKinds, type BelongingKind } from './client.ts'
import { system } from './mapping.ts'

/** Kinds of records that are none of ours and lead to one. */
export type PointerKind = BelongingKind | 'account' | 'event' | 'payment_intent'

const pointerKinds: ReadonlySet<string> = new Set<PointerKind>([
  ...belongingKinds,
  'account',
  'event',
  'payment_intent',
])

export function isPointer(kind: string): kind is PointerKind {
  return pointerKinds.has(kind)
}

export function pointerRef(kind: PointerKind, id: string): RecordRef {
  return { system, kind, id }
}
