import { GraphQLError } from 'graphql'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { readWrite, releaseWrites } from '../../../gateway/store/writes.ts'
import { StoreError, type OpenStore } from '../../../gateway/store/store.ts'
import { WriteRunner } from '../../../gateway/writes/run.ts'
import type { TakenBack, WriteIntent, WriteSteps, Written } from '../../../subgraphs/contract.ts'
import { VendorError, type VendorErrorKind } from '../../../subgraphs/vendor-error.ts'
import { openMemoryStore } from '../store/open-for-test.ts'
import { quiet } from '../store/ports.ts'

/** What befalls one request, in the order in which they come; after the last all goes well. */
type Fate = 'done' | 'lost' | 'failed' | 'crash-before' | 'crash-after' | 'not-recorded' | 'refused'

interface Row {
  readonly id: string
  readonly parts: string[]
  isWhole: boolean
}

/** A vendor that makes records of two parts, then finishes them; with idempotency keys, or without. */
class Vendor {
  readonly rows = new Map<string, Row & { readonly trace: string }>()
  readonly #kept = new Map<string, string>()
  readonly #hasKeys: boolean
  #made = 0
  fates: Fate[] = []
  onCrash: () => void = () => undefined

  readonly #name: string

  /** @param name stands before the ids of its records: stores that know several must not take one for another */
  constructor(hasKeys: boolean, name = 'row') {
    this.#hasKeys = hasKeys
    this.#name = name
  }

  async ask(key: string, act: () => string): Promise<string> {
    const fate = this.fates.shift() ?? 'done'
    if (fate === 'failed') throw new VendorError('vendor', 'unavailable', 'no connection')
    if (fate === 'refused') throw new VendorError('vendor', 'rejected', 'not like this')
    if (fate === 'crash-before') return this.#crash()
    const known = this.#hasKeys ? this.#kept.get(key) : undefined
    const result = known ?? act()
    this.#kept.set(key, result)
    if (fate === 'lost') throw new VendorError('vendor', 'timeout', 'no answer')
    if (fate === 'crash-after') return this.#crash()
    return result
  }

  make(trace: string): string {
    const id = `${this.#name}-${(this.#made += 1)}`
    this.rows.set(id, { id, parts: [], isWhole: false, trace })
    return id
  }

  row(id: string): Row {
    const found = this.rows.get(id)
    if (found === undefined) throw new VendorError('vendor', 'not-found', 'gone')
    return found
  }

  #crash(): Promise<never> {
    this.onCrash()
    return new Promise(() => undefined)
  }
}

let runs = 0

/** Processes that share a store and a vendor; one dies and the next one takes over. */
function world(store: OpenStore, vendor: Vendor) {
  const recorded: string[] = []
  let isRecording = true
  let crashed = (): void => undefined

  function runner(): WriteRunner {
    const worker = `worker-${(runs += 1)}`
    return new WriteRunner({
      store,
      worker,
      takeBack: async (_, write): Promise<TakenBack> => {
        const id = write.result('row') ?? (await foundFor(write.traceOf('row'), id => write.claim('row', id)))
        if (id !== null) await vendor.ask(`delete-${id}`, () => String(vendor.rows.delete(id)))
        return { isGone: true, written: [] }
      },
      record: (_, __, also) => store.write(also),
      clock: { now: () => new Date() },
      log: quiet,
    })
  }

  async function foundFor(trace: string | null, claim: (id: string) => Promise<boolean>): Promise<string | null> {
    for (const row of [...vendor.rows.values()].toReversed())
      if (row.trace === trace && (await claim(row.id))) return row.id
    return null
  }

  async function send(trace: string, steps: WriteSteps): Promise<readonly [Written, ...Written[]]> {
    const id = await steps.step('row', trace, {
      send: () => vendor.ask(`${steps.key}-row`, () => vendor.make(trace)),
      find: () => foundFor(trace, id => steps.claim('row', id)),
    })
    for (const part of ['a', 'b']) {
      await vendor.ask(`${steps.key}-${part}`, () => {
        const { parts } = vendor.row(id)
        if (!parts.includes(part)) parts.push(part)
        return part
      })
    }
    await vendor.ask(`${steps.key}-whole`, () => String((vendor.row(id).isWhole = true)))
    return [{ kind: 'CREATED', record: { system: 'vendor', kind: 'row', id }, fields: [] }]
  }

  let process = runner()
  return {
    recorded,
    breakRecording: () => (isRecording = false),
    /** Until it is answered: undefined when the process died instead. */
    async ask(intent: WriteIntent, trace: string) {
      const death = new Promise<undefined>(resolve => (crashed = () => resolve(undefined)))
      vendor.onCrash = () => crashed()
      const run = process.run({
        intent,
        resuming: null,
        send: steps => send(trace, steps),
        async record([written], _, also) {
          if (!isRecording) {
            isRecording = true
            throw new StoreError('unavailable', 'no disk')
          }
          await store.write(also)
          recorded.push(written?.record.id ?? '')
        },
      })
      run.catch(() => undefined)
      const entity = await Promise.race([run, death])
      if (entity === undefined) {
        process = runner()
        await store.write(tx => releaseWrites(tx, null, new Date()))
      }
      return entity
    },
    runner: () => process,
  }
}

function intent(clientMutationId: string | null, input: Record<string, unknown> = {}): WriteIntent {
  return {
    role: 'billing',
    entity: 'Order',
    fields: [],
    mutation: 'createOrder',
    input: { ...input, clientMutationId },
  }
}

const fates = fc.array(
  fc.constantFrom<Fate>('done', 'lost', 'failed', 'crash-before', 'crash-after', 'not-recorded', 'refused'),
  { maxLength: 14 },
)

describe('a write that is repeated until it is answered', () => {
  test.each([true, false])('is done once, whatever befalls its requests (idempotency keys: %s)', async hasKeys => {
    const store = await openMemoryStore()
    let writes = 0
    await fc.assert(
      fc.asyncProperty(fates, async befalls => {
        writes += 1
        const vendor = new Vendor(hasKeys, `row-of-${writes}`)
        const { ask, recorded, breakRecording } = world(store, vendor)
        const asked = intent(`write-${writes}`)
        if (befalls.includes('not-recorded')) breakRecording()
        vendor.fates = befalls.filter(fate => fate !== 'not-recorded')
        let id: string | null = null
        for (let tries = 0; id === null && tries < 40; tries += 1) {
          id = (await ask(asked, asked.input.clientMutationId ?? '').catch(() => undefined))?.id ?? null
        }
        expect(vendor.rows.size).toBe(1)
        expect([...vendor.rows.values()]).toMatchObject([{ id, parts: ['a', 'b'], isWhole: true }])
        expect(recorded).toEqual([id])
        expect(await ask(asked, 'again')).toEqual({ type: 'Order', id })
        expect(vendor.rows.size).toBe(1)
      }),
      { numRuns: 60 },
    )
  })

  test('of two with the same content each gets a record of its own', async () => {
    const vendor = new Vendor(false)
    const { ask } = world(await openMemoryStore(), vendor)
    vendor.fates = ['lost', 'crash-after']
    const [one, other] = [intent('one'), intent('other')]
    await ask(one, 'same').catch(() => undefined)
    await ask(other, 'same').catch(() => undefined)
    const ids = [(await ask(one, 'same'))?.id, (await ask(other, 'same'))?.id]
    expect(new Set(ids).size).toBe(2)
    expect(vendor.rows.size).toBe(2)
  })

  test('takes what was made for another, when that one has taken its own', async () => {
    const vendor = new Vendor(false)
    const { ask } = world(await openMemoryStore(), vendor)
    const [one, other] = [intent('one'), intent('other')]
    vendor.fates = ['lost']
    await ask(one, 'same').catch(() => undefined)
    const original = vendor.ask.bind(vendor)
    vi.spyOn(vendor, 'ask').mockImplementationOnce(async (key, act) => {
      const made = await original(key, act)
      // Before its answer is noted, the other write finds it.
      expect(await ask(one, 'same')).toEqual({ type: 'Order', id: made })
      return made
    })
    expect(await ask(other, 'same')).toEqual({ type: 'Order', id: 'row-1' })
    expect([...vendor.rows.keys()]).toEqual(['row-1', 'row-2'])
  })

  test('joins the first when both run at once', async () => {
    const vendor = new Vendor(false)
    const { ask, recorded } = world(await openMemoryStore(), vendor)
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(intent('one'), 'one')))
    expect(new Set(answers.map(entity => entity?.id)).size).toBe(1)
    expect([vendor.rows.size, recorded.length]).toEqual([1, 1])
  })

  test('with another input it is refused, and told which fields differ but no value', async () => {
    const vendor = new Vendor(true)
    const { ask } = world(await openMemoryStore(), vendor)
    await ask(intent('one', { memo: 'secret', lines: [1], currency: 'USD' }), 'one')
    const other = ask(intent('one', { memo: 'hidden', currency: 'USD', finalize: true }), 'one')
    await expect(other).rejects.toSatisfy(
      (error: unknown) =>
        error instanceof GraphQLError &&
        error.extensions['code'] === 'BAD_USER_INPUT' &&
        error.message.includes('finalize, lines, memo') &&
        !/secret|hidden/.test(error.message),
    )
    expect(vendor.rows.size).toBe(1)
  })

  test.each(['', 'x'.repeat(256)])('an id of no or too many characters is refused', async id => {
    const { ask } = world(await openMemoryStore(), new Vendor(true))
    await expect(ask(intent(id), 'one')).rejects.toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
  })
})

describe('a write that fails', () => {
  test.each<readonly [string | null, VendorErrorKind, Fate]>([
    [null, 'timeout', 'lost'],
    [null, 'unavailable', 'failed'],
    [null, 'rejected', 'refused'],
    ['one', 'rejected', 'refused'],
  ])('leaves nothing behind (clientMutationId: %s, %s)', async (id, kind, fate) => {
    const vendor = new Vendor(true)
    const { ask, recorded } = world(await openMemoryStore(), vendor)
    vendor.fates = ['done', 'done', fate]
    await expect(ask(intent(id), 'one')).rejects.toMatchObject({ kind })
    expect([vendor.rows.size, recorded]).toEqual([0, []])
  })

  test('after a refusal its id is free, for another input too', async () => {
    const vendor = new Vendor(true)
    const { ask } = world(await openMemoryStore(), vendor)
    vendor.fates = ['done', 'refused']
    await expect(ask(intent('one', { memo: 'a' }), 'one')).rejects.toMatchObject({ kind: 'rejected' })
    expect(await ask(intent('one', { memo: 'b' }), 'one')).toEqual({ type: 'Order', id: 'row-2' })
    expect([...vendor.rows.keys()]).toEqual(['row-2'])
  })

  test('and that is still wanted keeps what was made of it, and its input until it is over', async () => {
    const store = await openMemoryStore()
    const vendor = new Vendor(true)
    const { ask } = world(store, vendor)
    vendor.fates = ['done', 'done', 'lost']
    await expect(ask(intent('one', { memo: 'kept' }), 'one')).rejects.toMatchObject({ kind: 'timeout' })
    const [stored] = await store.read(db => db.selectFrom('writes').selectAll().execute())
    expect(stored).toMatchObject({ state: 'open', lease_by: null })
    expect(stored?.input).toContain('kept')
    expect(await ask(intent('one', { memo: 'kept' }), 'one')).toEqual({ type: 'Order', id: 'row-1' })
    expect(await store.read(db => readWrite(db, stored?.id ?? ''))).toMatchObject({ state: 'done', writtenId: 'row-1' })
    expect(await store.read(db => db.selectFrom('writes').select('input').execute())).toEqual([{ input: null }])
  })

  test('that reached its system but not the store says so, and is recorded with the next try', async () => {
    const vendor = new Vendor(true)
    const { ask, recorded, breakRecording } = world(await openMemoryStore(), vendor)
    breakRecording()
    await expect(ask(intent('one'), 'one')).rejects.toMatchObject({
      extensions: { code: 'WRITTEN_NOT_RECORDED', isRetryable: true },
    })
    expect(await ask(intent('one'), 'one')).toEqual({ type: 'Order', id: 'row-1' })
    expect(recorded).toEqual(['row-1'])
  })

  test('nothing is sent when it cannot be noted', async () => {
    const store = await openMemoryStore()
    const vendor = new Vendor(true)
    const { ask } = world(
      {
        ...store,
        read: store.read.bind(store),
        close: store.close.bind(store),
        write: () => Promise.reject(new StoreError('full', 'no space')),
      },
      vendor,
    )
    await expect(ask(intent('one'), 'one')).rejects.toMatchObject({ extensions: { code: 'NOT_SENT' } })
    expect(vendor.rows.size).toBe(0)
  })

  test('what was given up is taken back once its system answers again', async () => {
    const store = await openMemoryStore()
    const vendor = new Vendor(true)
    const { ask, runner } = world(store, vendor)
    // Refused, and then its system cannot be reached.
    vendor.fates = ['done', 'refused', 'failed']
    await expect(ask(intent('one'), 'one')).rejects.toMatchObject({ kind: 'rejected' })
    const [stored] = await store.read(db => db.selectFrom('writes').select(['id', 'state', 'input']).execute())
    expect([stored?.state, stored?.input, vendor.rows.size]).toEqual(['undoing', null, 1])
    await runner().takeBack(stored?.id ?? '', 'tried again')
    expect(await store.read(db => readWrite(db, stored?.id ?? ''))).toMatchObject({ state: 'undone' })
    expect(vendor.rows.size).toBe(0)
  })
})

test('a run in another process is waited for, and its answer given', async () => {
  const store = await openMemoryStore()
  const vendor = new Vendor(true)
  const [first, second] = [world(store, vendor), world(store, vendor)]
  const original = vendor.ask.bind(vendor)
  const held: { go: () => void } = { go: () => undefined }
  vi.spyOn(vendor, 'ask').mockImplementationOnce(async (key, act) => {
    await new Promise<void>(resolve => (held.go = resolve))
    return original(key, act)
  })
  const one = first.ask(intent('one'), 'one')
  await vi.waitFor(
    async () => expect(await store.read(db => db.selectFrom('write_steps').selectAll().execute())).toHaveLength(1),
    20_000,
  )
  const other = second.ask(intent('one'), 'one')
  held.go()
  expect(await other).toEqual(await one)
  expect(vendor.rows.size).toBe(1)
})
