import type { ExecutionResult } from 'graphql'
import type { Change } from '../../schema/change.ts'
import { entityKey, type EntityRef } from '../../schema/entities.ts'
import { sameRecord, type RecordRef } from '../../schema/systems.ts'
import type { Log } from '../../subgraphs/contract.ts'
import type { ChangeFrame, FrameChange, SubscriptionRequest } from '../graph/subscription.ts'
import { Outbox } from './outbox.ts'
import { noTraces, type Traces } from '../traces/traces.ts'
import { isUnfinished, Repeats } from './repeats.ts'
import { fingerprintOf, sentAfter, tellsMore, valuesOf, type Sent, type Values } from './told.ts'
import { hasParents, keysOfChange, keysOfTopic, linkKey, viewOf } from './topic.ts'

export type FrameResult = ExecutionResult<Record<string, unknown>, Record<string, unknown>>

/** An accepted subscription: what it asks for, and how one frame of it is executed through the graph. */
export interface Subscription {
  readonly request: SubscriptionRequest
  /** Never rejects: faults are errors of the result. */
  execute(frame: ChangeFrame): Promise<FrameResult>
}

export interface HubPorts {
  /** The sequence of the newest Change whose evictions this process has done. */
  newest(): number
  /** The living entity behind an id; null for a tombstone and for what does not exist. */
  resolve(entity: EntityRef): Promise<EntityRef | null>
  /** What an entity hangs below: living entities, and records of its system that may be linked to others. */
  above(entity: EntityRef): Promise<{ readonly entities: readonly EntityRef[]; readonly records: readonly RecordRef[] }>
  /** Whether the record is the entity itself rather than a copy of it. */
  isOwner(record: RecordRef): boolean
  changesAfter(sequence: number, limit: number): Promise<readonly Change[]>
  /** Whether the log still holds every Change after this one. */
  reaches(sequence: number): Promise<boolean>
  now(): Date
  /** In [0, 1). */
  random(): number
  /** Told when the frame of a Change is on its way to a group of subscribers. */
  onPushed?(change: FrameChange): void
  readonly traces?: Pick<Traces, 'pushing'>
  readonly log: Log
}

/** Why a subscriber was given up: it reads too slowly, or we failed it. Either way it resumes by its cursor. */
export type GivenUp = 'slow' | 'failed'

interface Member {
  readonly outbox: Outbox<FrameResult>
  readonly giveUp: (reason: GivenUp) => void
  /** Changes up to this one are part of the member's snapshot or replay. */
  seen: number
  /** What the member was last sent of each entity. */
  readonly sent: Map<string, Sent>
  /** Frames that came while the snapshot or replay was under way; null once it is done. */
  held: Frame[] | null
}

interface Frame {
  /** Whether it says once more what an earlier one could not say in full. */
  readonly isRepeat: boolean
  readonly sequence: number
  readonly key: string | null
  readonly fingerprint: string | null
  /** The entity's selected fields with their values, by the names that Changes have for them. */
  readonly values: Values
  /** The fields that the Change names; null when it names none, so that it tells of all. */
  readonly named: ReadonlySet<string> | null
  /** What it was executed for. */
  readonly about: ChangeFrame
  readonly result: FrameResult
}

/** Equal subscriptions: one execution a Change for all of them. */
interface Group {
  readonly key: string
  readonly subscription: Subscription
  readonly members: Set<Member>
  readonly topics: Set<string>
  readonly waiting: (Change | ChangeFrame)[]
  isRunning: boolean
  /** The newest Change whose frame was executed for all. */
  executed: number
  readonly repeats: Repeats
  snapshot: { readonly sequence: number; readonly frame: Promise<Frame> } | null
}

/** Entities whose last frame is remembered for one subscriber. */
const maxSent = 10_000

const replayPage = 500

/** Subscribers, grouped by what they ask for, and the Changes on their way to them. */
export class PushHub {
  readonly #ports: HubPorts
  readonly #traces: Pick<Traces, 'pushing'>
  readonly #groups = new Map<string, Group>()
  readonly #byTopic = new Map<string, Set<Group>>()
  readonly #outboxes = new Set<Outbox<FrameResult>>()

  constructor(ports: HubPorts) {
    this.#ports = ports
    this.#traces = ports.traces ?? noTraces
  }

  get subscribers(): number {
    return this.#outboxes.size
  }

  get groups(): number {
    return this.#groups.size
  }

  /**
   * Begins to send frames.
   * @param giveUp called when the subscriber was given up: its connection is to be closed, for frames that merely end
   *   would tell it that there is nothing more to come
   * @returns the frames; ends when its `return` is called, when the subscriber is given up, or at `close`
   */
  subscribe(subscription: Subscription, giveUp: (reason: GivenUp) => void): AsyncIterableIterator<FrameResult> {
    const group = this.#groupOf(subscription)
    const { after } = subscription.request
    const outbox = new Outbox<FrameResult>({
      now: () => this.#ports.now().getTime(),
      onSlow: () => giveUp('slow'),
      onClose: () => {
        this.#outboxes.delete(outbox)
        group.members.delete(member)
        if (group.members.size === 0) this.#remove(group)
      },
    })
    const member: Member = { outbox, giveUp, seen: this.#ports.newest(), sent: new Map(), held: [] }
    group.members.add(member)
    this.#outboxes.add(outbox)
    void this.#begin(group, member, after).catch((error: unknown) => {
      this.#ports.log.error({ err: error }, 'a subscription could not begin; it is closed and resumes by its cursor')
      this.#fail(member)
    })
    return outbox
  }

  /** Tells everyone whom these Changes concern. Evictions must be done. */
  publish(changes: readonly Change[]): void {
    for (const change of changes) {
      const groups = new Set<Group>()
      for (const key of keysOfChange(change)) {
        for (const group of this.#byTopic.get(key) ?? []) groups.add(group)
      }
      for (const group of groups) this.#enqueue(group, change)
    }
  }

  /** Ends every subscription. */
  close(): void {
    for (const outbox of [...this.#outboxes]) outbox.close()
  }

  #groupOf(subscription: Subscription): Group {
    const key = subscription.request.key
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    const group: Group = {
      key,
      subscription,
      members: new Set(),
      topics: new Set(),
      waiting: [],
      isRunning: false,
      executed: 0,
      repeats: new Repeats(this.#ports.random, frame => this.#enqueue(group, frame)),
      snapshot: null,
    }
    this.#groups.set(key, group)
    for (const topic of keysOfTopic(subscription.request.topic)) this.#listen(group, topic)
    return group
  }

  #enqueue(group: Group, next: Change | ChangeFrame): void {
    group.waiting.push(next)
    if (!group.isRunning) void this.#run(group)
  }

  #listen(group: Group, topic: string): void {
    if (group.topics.has(topic)) return
    group.topics.add(topic)
    const groups = this.#byTopic.get(topic) ?? new Set()
    groups.add(group)
    this.#byTopic.set(topic, groups)
  }

  #remove(group: Group): void {
    if (this.#groups.get(group.key) === group) this.#groups.delete(group.key)
    group.repeats.clear()
    for (const topic of group.topics) {
      const groups = this.#byTopic.get(topic)
      groups?.delete(group)
      if (groups?.size === 0) this.#byTopic.delete(topic)
    }
  }

  /** The first frames of a member: the present value, or what it missed since its cursor. */
  async #begin(group: Group, member: Member, after: number | null): Promise<void> {
    // A subscriber may ask by an id that a merge has retired: it hears of the winner.
    const subject = await this.#subject(group)
    if (after === null) {
      await this.#present(group, member, subject)
    } else if (after <= this.#ports.newest() && (await this.#ports.reaches(after))) {
      await this.#replay(group, member, after)
    } else {
      this.#send(
        member,
        await this.#execute(group, this.#special(group, 'GAP', Math.min(after, this.#ports.newest()), null)),
      )
      await this.#present(group, member, subject)
    }
    for (let next = member.held?.shift(); next !== undefined; next = member.held?.shift()) {
      // Read while the first frames were: it may show less than they did, and would go back.
      const isOlder = next.key !== null && this.#isNews(member, next)
      const frame: Frame = isOlder ? await this.#execute(group, next.about, next.isRepeat) : next
      if (this.#isNews(member, frame)) this.#sendNews(member, frame)
    }
    member.held = null
  }

  /** The living entity the group is about, listening to it; null for lists, feeds and the dead. */
  async #subject(group: Group): Promise<EntityRef | null> {
    const { topic } = group.subscription.request
    const asked = topic.kind === 'entity' ? topic.entity : topic.kind === 'children' ? topic.parent : null
    if (asked === null) return null
    const living = await this.#ports.resolve(asked)
    if (living !== null && topic.kind === 'entity' && hasParents(living.type)) {
      // What it hangs below stands in its fields, and may change or be another one next time.
      const { entities, records } = await this.#ports.above(living)
      for (const key of [...entities.map(entityKey), ...records.map(linkKey)]) this.#listen(group, key)
    }
    if (living !== null && living.id !== asked.id) {
      const moved =
        topic.kind === 'children' ? { ...topic, parent: living } : { kind: 'entity' as const, entity: living }
      for (const key of keysOfTopic(moved)) this.#listen(group, key)
    }
    return living
  }

  /** CURRENT: the cursor is read before the snapshot, so nothing falls between it and the first push. */
  async #present(group: Group, member: Member, subject: EntityRef | null): Promise<void> {
    const sequence = this.#ports.newest()
    if (group.snapshot?.sequence !== sequence) {
      const entity = group.subscription.request.topic.kind === 'entity' ? subject : null
      const frame = this.#execute(group, this.#special(group, 'CURRENT', sequence, entity))
      const snapshot = { sequence, frame }
      group.snapshot = snapshot
      const forget = (): void => {
        if (group.snapshot === snapshot) group.snapshot = null
      }
      frame.then(forget, forget)
    }
    member.seen = sequence
    this.#send(member, await group.snapshot.frame)
  }

  async #replay(group: Group, member: Member, after: number): Promise<void> {
    const until = this.#ports.newest()
    const topics = group.topics
    let from = after
    // All are read as they are now: of several updates of one entity in a row, the last one tells of all.
    let held: ChangeFrame | null = null
    while (from < until && !member.outbox.isClosed) {
      const page = await this.#ports.changesAfter(from, replayPage)
      for (const change of page) {
        from = change.sequence
        if (change.sequence > until) break
        if (!keysOfChange(change).some(key => topics.has(key))) continue
        const missed = await this.#changeFrameOf(group, change)
        if (missed === null) continue
        const both: ChangeFrame | null = held === null ? missed : joined(held, missed)
        if (both === null && held !== null) {
          if (!(await member.outbox.room())) return
          this.#sendNews(member, await this.#execute(group, held))
        }
        held = both ?? missed
      }
      if (page.length === 0) break
    }
    if (held !== null && (await member.outbox.room())) this.#sendNews(member, await this.#execute(group, held))
    member.seen = until
  }

  async #run(group: Group): Promise<void> {
    group.isRunning = true
    try {
      for (let next = group.waiting.shift(); next !== undefined; next = group.waiting.shift()) {
        if (group.members.size === 0) continue
        const change = 'field' in next ? null : next
        const changeFrame = 'field' in next ? this.#repeated(group, next) : await this.#changeFrameOf(group, next)
        if (changeFrame === null) continue
        await this.#traces.pushing(change, changeFrame.field, group.members.size, () =>
          this.#push(group, changeFrame, change === null),
        )
      }
    } catch (error) {
      this.#ports.log.error({ err: error }, 'a push failed; its subscribers are closed and resume by their cursor')
      for (const member of [...group.members]) this.#fail(member)
    } finally {
      group.isRunning = false
    }
  }

  async #push(group: Group, changeFrame: ChangeFrame, isRepeat: boolean): Promise<void> {
    group.executed = Math.max(group.executed, changeFrame.change.sequence)
    const frame = await this.#execute(group, changeFrame, isRepeat)
    // All have it in full: nothing of it is left to be repeated. What one member alone was sent says nothing of the others.
    if (frame.key !== null && !isUnfinished(frame.result)) group.repeats.drop(frame.key)
    for (const member of [...group.members]) this.#offer(member, frame)
    if (!isRepeat) this.#ports.onPushed?.(changeFrame.change)
  }

  #fail({ outbox, giveUp }: Member): void {
    if (outbox.isClosed) return
    outbox.close()
    giveUp('failed')
  }

  /** Whether it is of a Change that the member has not seen, or says again what it saw in part. */
  #isNews(member: Member, frame: Frame): boolean {
    return frame.sequence > member.seen || (frame.sequence === member.seen && frame.isRepeat)
  }

  #offer(member: Member, frame: Frame): void {
    if (!this.#isNews(member, frame)) return
    if (member.held !== null) member.held.push(frame)
    else this.#sendNews(member, frame)
  }

  /** Nothing when the member was last sent just this of the entity, and was told of the fields that changed. */
  #sendNews(member: Member, frame: Frame): void {
    const { key, fingerprint } = frame
    const sent = key === null ? undefined : member.sent.get(key)
    if (sent !== undefined && sent.fingerprint === fingerprint && !tellsMore(sent, frame)) {
      member.seen = Math.max(member.seen, frame.sequence)
    } else this.#send(member, frame)
  }

  #send(member: Member, frame: Frame): void {
    if (frame.key !== null && frame.fingerprint !== null) {
      if (member.sent.size >= maxSent) member.sent.clear()
      const { fingerprint, values, named } = frame
      member.sent.set(frame.key, sentAfter(member.sent.get(frame.key), { fingerprint, values, named }))
    }
    member.seen = Math.max(member.seen, frame.sequence)
    member.outbox.push({ payload: frame.result, key: frame.key })
  }

  async #changeFrameOf(group: Group, change: Change): Promise<ChangeFrame | null> {
    const { field, topic } = group.subscription.request
    const subject = topic.kind === 'entity' ? await this.#subject(group) : change.entity
    const view = viewOf(topic, change, this.#ports.isOwner(change.record))
    if (view === null) return null
    // A link that comes or goes changes a whole list: no single entity of it is the subject.
    const isOther = topic.kind === 'children' && subject?.type !== topic.type
    const entity =
      topic.kind === 'entity' ? subject : subject === null || isOther ? null : await this.#ports.resolve(subject)
    // The entity lives although this record of it is gone: it was merged into another.
    const kind = view.kind === 'DELETED' && topic.kind === 'entity' && entity !== null ? 'UPDATED' : view.kind
    return { field, change: { ...view, kind }, entity, subject: isOther ? null : change.entity }
  }

  /** What could not be read in full before, as it is now. Its cursor is that of the last frame, so that it never goes back. */
  #repeated(group: Group, { change, entity, subject }: ChangeFrame): ChangeFrame {
    const sequence = Math.max(change.sequence, group.executed)
    return { ...this.#special(group, 'CURRENT', sequence, entity), subject }
  }

  #special(group: Group, kind: 'CURRENT' | 'GAP', sequence: number, entity: EntityRef | null): ChangeFrame {
    const now = this.#ports.now()
    return {
      field: group.subscription.request.field,
      change: { kind, fields: [], system: null, record: null, at: null, recordedAt: now, sequence },
      entity,
      subject: entity,
    }
  }

  async #execute(group: Group, frame: ChangeFrame, isRepeat = false): Promise<Frame> {
    const { topic, shape } = group.subscription.request
    const result = await group.subscription.execute(frame)
    const about = topic.kind === 'entity' ? topic.entity : frame.subject
    const key = topic.kind === 'feed' || about === null ? null : entityKey(about)
    if (key !== null && frame.change.kind !== 'GAP' && isUnfinished(result)) group.repeats.later(key, frame, result)
    return {
      isRepeat,
      about: frame,
      sequence: frame.change.sequence,
      key,
      fingerprint: shape.selectsEntity && frame.change.kind !== 'GAP' ? fingerprintOf(result, shape) : null,
      values: valuesOf(result.data, shape),
      named: frame.change.fields.length === 0 ? null : new Set([...frame.change.fields, 'updatedAt']),
      result,
    }
  }
}

/** Two updates of one entity, the second one told with the fields of both; null for what must be told apart. */
function joined(earlier: ChangeFrame, later: ChangeFrame): ChangeFrame | null {
  if (earlier.entity === null || later.entity === null || entityKey(earlier.entity) !== entityKey(later.entity))
    return null
  if (earlier.change.kind !== 'UPDATED' || later.change.kind !== 'UPDATED' || later.field === 'changes') return null
  const fields = [earlier.change.fields, later.change.fields]
  // Where one does not say which, nobody knows.
  const isKnown = fields.every(names => names.length > 0)
  const isOneSystem = earlier.change.system === later.change.system
  const isOneRecord = isOneSystem && sameOrNull(earlier.change.record, later.change.record)
  return {
    ...later,
    change: {
      ...later.change,
      fields: isKnown ? [...new Set(fields.flat())] : [],
      system: isOneSystem ? later.change.system : null,
      record: isOneRecord ? later.change.record : null,
    },
  }
}

function sameOrNull(one: RecordRef | null, other: RecordRef | null): boolean {
  return one === null || other === null ? one === other : sameRecord(one, other)
}
