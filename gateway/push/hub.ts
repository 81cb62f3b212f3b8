import type { Change } from '../../schema/change.ts'
import { entityKey, type EntityRef } from '../../schema/entities.ts'
import type { RecordRef } from '../../schema/systems.ts'
import type { Log } from '../../subgraphs/contract.ts'
import { addReads, isOlderThan, type ReadAt } from '../cache/reads.ts'
import type { ChangeFrame, FrameChange } from '../graph/subscription.ts'
import { noTraces, type Traces } from '../traces/traces.ts'
import { frameOf, laneOf, type Frame, type FrameResult, type Subscription } from './frame.ts'
import { InOrder, type InOrderLimits, type Task } from './in-order.ts'
import { Outbox } from './outbox.ts'
import { isUnfinished, Repeats } from './repeats.ts'
import { sentAfter, tellsMore, type Sent } from './told.ts'
import { concernsEntity, hasParents, keysOfChange, keysOfTopic, linkKey, viewOf } from './topic.ts'

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
  /** What its own first frames have read, for as long as frames of the group may come that were read before those. */
  shown: Map<string, ReadAt> | null
  /** The newest Change of the group when its first frames were done. */
  firstUntil: number
}

/** Equal subscriptions: one execution a Change for all of them. */
interface Group {
  readonly key: string
  readonly subscription: Subscription
  readonly members: Set<Member>
  readonly topics: Set<string>
  readonly frames: InOrder<Frame>
  /** The newest Change that was told to the group. */
  newest: number
  readonly repeats: Repeats
  snapshot: { readonly sequence: number; readonly frame: Promise<Frame> } | null
}

/** Entities whose last frame is remembered for one subscriber. */
const maxSent = 10_000

const replayPage = 500

/** Missed Changes of one subscriber whose frames are executed ahead. */
const maxAhead = 32

/** Changes that wait for the frames of one subscription before its subscribers are closed: they resume by their cursor. */
const maxWaiting = 10_000

/** Frames that wait for a subscriber's first ones. */
const maxHeld = 1000

/** Each Change is told alone while the tools are quick; while they are slow, what waits for them is told at once. */
const liveLimits: InOrderLimits = { joinsAfterMs: 100, crowded: 32 }

/** Several updates of one entity in a row are told at once: they are read as they are now. */
const replayLimits: InOrderLimits = { joinsAfterMs: 0, crowded: Infinity }

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
    const member: Member = {
      outbox,
      giveUp,
      seen: this.#ports.newest(),
      sent: new Map(),
      held: [],
      shown: new Map(),
      firstUntil: 0,
    }
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
      frames: this.#inOrder(
        liveLimits,
        frame => this.#tell(group, frame),
        error => {
          this.#ports.log.error({ err: error }, 'a push failed; its subscribers are closed and resume by their cursor')
          this.#failAll(group)
        },
      ),
      newest: 0,
      repeats: new Repeats(this.#ports.random, frame => this.#repeat(group, frame)),
      snapshot: null,
    }
    this.#groups.set(key, group)
    for (const topic of keysOfTopic(subscription.request.topic)) this.#listen(group, topic)
    return group
  }

  #inOrder(limits: InOrderLimits, deliver: (frame: Frame) => void, onFailed: (error: unknown) => void): InOrder<Frame> {
    return new InOrder<Frame>({ deliver, onFailed, nowMs: () => this.#ports.now().getTime() }, limits)
  }

  #enqueue(group: Group, change: Change): void {
    group.newest = Math.max(group.newest, change.sequence)
    group.frames.add(this.#taskOf(group, change))
    this.#bound(group)
  }

  /** What could not be read in full before, as it is now. Its cursor is that of the last frame, so that it never goes back. */
  #repeat(group: Group, { change, entity, subject }: ChangeFrame): void {
    const sequence = Math.max(change.sequence, group.newest)
    const about = { ...this.#special(group, 'CURRENT', sequence, entity), subject }
    group.frames.add(this.#frameTask(group, about, true))
    this.#bound(group)
  }

  #bound(group: Group): void {
    if (group.frames.size <= maxWaiting) return
    this.#ports.log.warn(
      { waiting: group.frames.size, subscribers: group.members.size },
      'a subscription fell behind its Changes; its subscribers are closed and resume by their cursor',
    )
    group.frames.clear()
    this.#failAll(group)
  }

  #taskOf(group: Group, change: Change): Task<Frame> {
    return {
      lane: laneOf(group.subscription.request, change.entity),
      about: () => this.#changeFrameOf(group, change),
      execute: about =>
        this.#traces.pushing(change, about.field, group.members.size, () => this.#execute(group, about)),
    }
  }

  #frameTask(group: Group, about: ChangeFrame, isRepeat: boolean): Task<Frame> {
    return {
      lane: laneOf(group.subscription.request, about.subject),
      about: () => Promise.resolve(about),
      execute: frame => this.#execute(group, frame, isRepeat),
    }
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
    group.frames.clear()
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
    await this.#catchUp(group, member)
  }

  /** What came while its own frames were read may show less than those did, and would go back: it is read again. */
  async #catchUp(group: Group, member: Member): Promise<void> {
    const again = this.#orderFor(member, frame => {
      if (this.#isNews(member, frame)) this.#sendNews(member, frame)
    })
    for (let held = take(member); held.length > 0; held = take(member)) {
      again.add(...held.map(({ about, isRepeat }) => this.#frameTask(group, about, isRepeat)))
      await again.drained()
    }
    member.held = null
    member.firstUntil = group.newest
    if (group.frames.size === 0) member.shown = null
  }

  /** The frames of one member alone. */
  #orderFor(member: Member, deliver: (frame: Frame) => void): InOrder<Frame> {
    return this.#inOrder(replayLimits, deliver, error => {
      this.#ports.log.error({ err: error }, 'a replay failed; its subscriber is closed and resumes by its cursor')
      this.#fail(member)
    })
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
    const frames = this.#orderFor(member, frame => this.#sendNews(member, frame))
    let from = after
    while (from < until) {
      const page = (await this.#ports.changesAfter(from, replayPage)).filter(({ sequence }) => sequence <= until)
      from = page.at(-1)?.sequence ?? until
      const missed = page.filter(change => keysOfChange(change).some(key => group.topics.has(key)))
      for (let at = 0; at < missed.length; at += maxAhead) {
        frames.add(...missed.slice(at, at + maxAhead).map(change => this.#taskOf(group, change)))
        await frames.drained(maxAhead)
        if (await member.outbox.room()) continue
        frames.clear()
        return
      }
    }
    await frames.drained()
    member.seen = until
  }

  #tell(group: Group, frame: Frame): void {
    // All have it in full: nothing of it is left to be repeated. What one member alone was sent says nothing of the others.
    if (frame.key !== null && !isUnfinished(frame.result)) group.repeats.drop(frame.key)
    for (const member of [...group.members]) this.#offer(group, member, frame)
    if (!frame.isRepeat) this.#ports.onPushed?.(frame.about.change)
  }

  #failAll(group: Group): void {
    for (const member of [...group.members]) this.#fail(member)
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

  #offer(group: Group, member: Member, frame: Frame): void {
    if (!this.#isNews(member, frame)) return
    // Begun after its own frames were done, as are all that follow.
    if (member.held === null && frame.sequence > member.firstUntil) member.shown = null
    if (member.held === null && member.shown !== null && isOlderThan(frame.reads, member.shown)) {
      member.held = [frame]
      this.#catchUp(group, member).catch((error: unknown) => {
        this.#ports.log.error({ err: error }, 'a push failed; its subscriber is closed and resumes by its cursor')
        this.#fail(member)
      })
    } else if (member.held === null) this.#sendNews(member, frame)
    else if (member.held.push(frame) > maxHeld) this.#fail(member)
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
    if (member.shown !== null) addReads(member.shown, frame.reads)
    member.seen = Math.max(member.seen, frame.sequence)
    member.outbox.push({ payload: frame.result, key: frame.key })
  }

  async #changeFrameOf(group: Group, change: Change): Promise<ChangeFrame | null> {
    const { field, topic } = group.subscription.request
    const subject = topic.kind === 'entity' ? await this.#subject(group) : change.entity
    if (topic.kind === 'entity') {
      const self = subject === null ? [topic.entity] : [topic.entity, subject]
      if (!concernsEntity(self, change, group.topics)) return null
    }
    const view = viewOf(topic, change, this.#ports.isOwner(change.record))
    if (view === null) return null
    // A link that comes or goes changes a whole list: no single entity of it is the subject.
    const isOther = topic.kind === 'children' && subject?.type !== topic.type
    const living =
      topic.kind === 'entity' ? subject : subject === null || isOther ? null : await this.#ports.resolve(subject)
    // It was merged into another: to whoever asked for it that one stands behind its id, in a list or feed it is gone.
    const isGone = view.kind === 'DELETED' && topic.kind !== 'entity' && living?.id !== subject?.id
    const entity = isGone ? null : living
    const kind = view.kind === 'DELETED' && entity !== null ? 'UPDATED' : view.kind
    return { field, change: { ...view, kind }, entity, subject: isOther ? null : change.entity }
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

  async #execute(group: Group, about: ChangeFrame, isRepeat = false): Promise<Frame> {
    const frame = frameOf(group.subscription.request, about, await group.subscription.execute(about), isRepeat)
    const { key, result } = frame
    if (key !== null && about.change.kind !== 'GAP' && isUnfinished(result)) group.repeats.later(key, about, result)
    return frame
  }
}

function take({ held }: Member): readonly Frame[] {
  return held?.splice(0) ?? []
}
