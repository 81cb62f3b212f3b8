import { expect, test } from 'vitest'
import type { ReplayedEntry } from '../../../gateway/store/replays.ts'
import { planReplay } from '../../../gateway/webhooks/replay.ts'
import type { DeliveryEntry, Hint, WebhookAdapter } from '../../../subgraphs/contract.ts'

const at = new Date('2026-06-01T09:00:00Z')

function hint(id: string): Hint {
  return { kind: 'UPDATED', record: { system: 'stripe', kind: 'invoice', id }, at, fields: [] }
}

function entry(more: Partial<ReplayedEntry> = {}): ReplayedEntry {
  return {
    id: 1,
    system: 'stripe',
    key: 'k',
    position: 0,
    state: 'dead',
    isHeld: false,
    isWhole: false,
    hints: [hint('in_1')],
    attempts: 10,
    deaths: 0,
    receivedId: 1,
    receivedAt: at,
    raw: { method: 'POST', endpoint: '', url: '', headers: {}, body: Buffer.from('x') },
    ...more,
  }
}

function reads(...entries: readonly DeliveryEntry[]): WebhookAdapter {
  return { verify: () => ({ genuine: true }), read: () => ({ entries }) }
}

const unreadable: WebhookAdapter = { verify: () => ({ genuine: true }), read: () => ({ unreadable: 'no' }) }
const fails: WebhookAdapter = {
  verify: () => ({ genuine: true }),
  read: () => {
    throw new RangeError('too deep')
  },
}
const asBefore = reads({ key: 'k', hints: [hint('in_1')] })
const otherwise = reads({ key: 'k', hints: [hint('in_2')] })
const again = (id: string) => ({ do: 'again', hints: [hint(id)] })
const nothing = (because: string) => ({ do: 'nothing', because })

test.each<[string, Partial<ReplayedEntry>, WebhookAdapter | null, object]>([
  ['done, read as it was', { state: 'done' }, asBefore, nothing('processed')],
  ['done, read otherwise today', { state: 'done' }, otherwise, again('in_2')],
  ['done, its request forgotten', { state: 'done', raw: null, hints: [] }, asBefore, nothing('processed')],
  ['done, its system not connected any more', { state: 'done' }, null, nothing('processed')],
  ['being worked on', { state: 'due', isHeld: true }, asBefore, nothing('held')],
  ['due', { state: 'due' }, asBefore, again('in_1')],
  ['dead', {}, asBefore, again('in_1')],
  ['dead, read otherwise today', {}, otherwise, again('in_2')],
  ['dead, its stored hints spoilt', { hints: null }, asBefore, again('in_1')],
  ['dead, unreadable today and not then', {}, unreadable, again('in_1')],
  ['dead, its reading fails today', {}, fails, again('in_1')],
  ['dead, its request forgotten', { raw: null, hints: [] }, asBefore, nothing('forgotten')],
  ['unreadable still', { hints: [], attempts: 0 }, reads({ key: 'k', unreadable: 'no' }), nothing('unreadable')],
  ['unreadable as a whole still', { hints: [], isWhole: true }, unreadable, nothing('unreadable')],
  ['unreadable then, of the same key', { hints: [], attempts: 0 }, asBefore, again('in_1')],
  [
    'unreadable then, of another key now',
    { hints: [], attempts: 0, key: 'unreadable:1', position: 1 },
    reads({ key: 'a', hints: [] }, { key: 'b', hints: [hint('in_2')] }),
    { do: 'instead', entries: [{ key: 'b', hints: [hint('in_2')] }] },
  ],
  [
    'unreadable as a whole then',
    { hints: [], attempts: 0, key: 'body:1', isWhole: true },
    reads({ key: 'a', hints: [hint('in_1')] }, { key: 'b', unreadable: 'no' }),
    {
      do: 'instead',
      entries: [
        { key: 'a', hints: [hint('in_1')] },
        { key: 'b', unreadable: 'no' },
      ],
    },
  ],
])('an entry that is %s', (_title, more, adapter, plan) => {
  expect(planReplay(entry(more), adapter)).toEqual(plan)
})
