import { z } from 'zod'
import type { Frames, World } from './world.ts'

const change = z.object({ kind: z.string(), fields: z.array(z.string()).optional(), cursor: z.string() })
const frame = z.object({ data: z.record(z.string(), z.looseObject({ change })) })

/** What one frame holds under its root field. */
export interface Seen {
  readonly change: z.infer<typeof change>
  readonly [name: string]: unknown
}

export function seenOf(value: unknown): Seen {
  const [root] = Object.values(frame.parse(value).data)
  if (root === undefined) throw new Error('expected a frame with data')
  return root
}

export async function next(frames: Frames): Promise<Seen> {
  return seenOf(await frames.next())
}

/** The number behind a cursor: cursors are opaque to clients, not to us. */
export function sequenceOf({ change }: Seen): number {
  return Number(Buffer.from(change.cursor, 'base64url').toString().replace('c1:', ''))
}

export function cursorOf(sequence: number): string {
  return Buffer.from(`c1:${sequence}`).toString('base64url')
}

export const watchAda =
  'subscription($after: String) { customerChanged(id: "101", after: $after) { change { kind fields cursor } customer { id phone } } }'

/** A new phone number in the CRM. */
export function setPhone(world: World, number: number, id = '101'): void {
  world.tools.hubspot.updateContact(id, { phone: `+1555${String(number).padStart(7, '0')}` })
}
