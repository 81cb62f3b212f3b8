import {
  getArgumentValues,
  GraphQLError,
  Kind,
  print,
  type FieldNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql'
import { z } from 'zod'
import type { PushKind } from '../../schema/change.ts'
import { entityTypes, type EntityRef, type EntityType } from '../../schema/entities.ts'
import { registry } from '../../subgraphs/registry.ts'
import { ownership } from '../../schema/ownership.ts'
import type { RecordRef, System } from '../../schema/systems.ts'
import { cursorSequence } from './cursor.ts'
import type { AskedExtensions } from './answer-extensions.ts'
import { responseNameOf } from './chosen.ts'

/** What a subscription is about. */
export type Topic =
  | { readonly kind: 'entity'; readonly entity: EntityRef }
  | {
      readonly kind: 'children'
      readonly type: EntityType
      readonly parent: EntityRef | null
      readonly status: string | null
    }
  | {
      readonly kind: 'feed'
      readonly entities: readonly EntityType[] | null
      readonly systems: readonly System[] | null
      readonly fields: readonly string[] | null
    }

/** A subscription as a client asked for it, checked and planned. */
export interface SubscriptionRequest {
  /** The root field's name; it is also the key of the payload in the primary fetch. */
  readonly field: string
  readonly topic: Topic
  /** The sequence of the last Change the client has seen; null to begin with the present value. */
  readonly after: number | null
  /** Equal for subscriptions whose frames are the same. */
  readonly key: string
  readonly shape: FrameShape
}

/** Where in a frame's data the Change stands, so that two frames can be compared without it. */
export interface FrameShape {
  /** The root field's response name. */
  readonly root: string
  /** The response names under which the Change was selected. */
  readonly changes: readonly string[]
  /** Whether anything but the Change was selected. */
  readonly selectsEntity: boolean
  /** Where the entity's selected fields stand below the root, by the names that Changes have for them. */
  readonly fields: readonly { readonly name: string; readonly path: readonly [string, string] }[]
}

/** What a subscriber is told about one Change; the payload of the primary fetch. */
export interface ChangeFrame {
  readonly field: string
  readonly change: FrameChange
  /** The living entity the frame is about; null when there is none (any more). */
  readonly entity: EntityRef | null
  /** The entity the Change is about, alive or not. */
  readonly subject: EntityRef | null
}

export interface FrameChange {
  readonly kind: PushKind
  readonly fields: readonly string[]
  readonly system: System | null
  readonly record: RecordRef | null
  readonly at: Date | null
  readonly recordedAt: Date
  readonly sequence: number
  /** When the webhook came that told of it. */
  readonly heardAt?: Date
}

const text = z.string().nullish()
const texts = z.array(z.string()).nullish()

const argumentsOf = {
  customerChanged: z.object({ id: z.string(), after: text }),
  orderChanged: z.object({ id: text, customer: text, after: text }),
  jobChanged: z.object({ id: text, customer: text, status: text, after: text }),
  changes: z.object({ entities: texts, systems: texts, fields: texts, after: text }),
}

/**
 * Reads what a planned subscription asks for.
 * @param operation as it is planned: its root field stands there once, with all that is selected of it
 * @throws GraphQLError `BAD_USER_INPUT` when the arguments make no subscription
 */
export function requestOf(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  extensions: AskedExtensions,
): SubscriptionRequest {
  const node = operation.selectionSet.selections.find(selection => selection.kind === Kind.FIELD)
  const definition = node && schema.getSubscriptionType()?.getFields()[node.name.value]
  if (node === undefined || definition === undefined) throw badInput('expected a subscription with one root field')
  const values = getArgumentValues(definition, node, variables)
  for (const [name, value] of Object.entries(values)) checkGiven(node.name.value, name, value)
  const after = typeof values['after'] === 'string' ? cursorSequence(values['after']) : null
  return {
    field: node.name.value,
    topic: topicOf(node.name.value, values),
    after,
    key: keyOf(operation, node, { variables, extensions }),
    shape: shapeOf(node),
  }
}

/** What nothing meets would wait for ever without a word. */
function checkGiven(field: string, name: string, value: unknown): void {
  const isNeeded = name === 'id'
  const isBlank = typeof value === 'string' && value.trim() === ''
  if (isBlank)
    throw badInput(
      `${field}: ${name}: expected a value, got blank text${isNeeded ? '' : '; leave it out to hear of all'}`,
    )
  if (Array.isArray(value) && value.length === 0)
    throw badInput(`${field}: ${name}: expected at least one name, got none; leave it out to hear of all`)
}

function topicOf(field: string, values: unknown): Topic {
  switch (field) {
    case 'customerChanged': {
      const { id } = argumentsOf.customerChanged.parse(values)
      return { kind: 'entity', entity: { type: 'Customer', id } }
    }
    case 'orderChanged': {
      const { id, customer } = argumentsOf.orderChanged.parse(values)
      if ((id == null) === (customer == null)) throw badInput('orderChanged: give either id or customer')
      if (id != null) return { kind: 'entity', entity: { type: 'Order', id } }
      return { kind: 'children', type: 'Order', parent: { type: 'Customer', id: customer ?? '' }, status: null }
    }
    case 'jobChanged': {
      const { id, customer, status } = argumentsOf.jobChanged.parse(values)
      if (id != null && (customer != null || status != null)) {
        throw badInput('jobChanged: give either id, or customer and status')
      }
      if (id != null) return { kind: 'entity', entity: { type: 'Job', id } }
      const parent: EntityRef | null = customer == null ? null : { type: 'Customer', id: customer }
      return { kind: 'children', type: 'Job', parent, status: status ?? null }
    }
    case 'changes': {
      const { entities, systems, fields } = argumentsOf.changes.parse(values)
      for (const name of fields ?? []) checkField(name)
      for (const name of systems ?? []) checkSystem(name)
      return {
        kind: 'feed',
        entities: entities == null ? null : entities.map(typeOf),
        systems: systems ?? null,
        fields: fields ?? null,
      }
    }
    default:
      throw badInput(`no such subscription: ${field}`)
  }
}

function typeOf(name: string): EntityType {
  const type = entityTypes.find(entity => entity === name)
  if (type === undefined)
    throw badInput(`changes: expected entities among ${entityTypes.join(', ')}; got ${name.slice(0, 50)}`)
  return type
}

/** A name that no field has would wait for ever without a word. */
function checkField(name: string): void {
  const isKnown = Object.keys(ownership).some(known => known === name || known.endsWith(`.${name}`))
  if (isKnown) return
  throw badInput(
    `changes: expected fields such as phone or Customer.phone, which Query.ownership lists; got ${name.slice(0, 50)}`,
  )
}

/** The same of a tool that is not connected. */
function checkSystem(name: string): void {
  const known = registry.map(({ system }) => system)
  if (!known.includes(name))
    throw badInput(`changes: expected systems among ${known.join(', ')}; got ${name.slice(0, 50)}`)
}

function fieldsOf({ selectionSet }: FieldNode): readonly FieldNode[] {
  return (selectionSet?.selections ?? []).flatMap(node => {
    if (node.kind === Kind.FIELD) return [node]
    return node.kind === Kind.INLINE_FRAGMENT ? node.selectionSet.selections.filter(isField) : []
  })
}

function isField(node: SelectionNode): node is FieldNode {
  return node.kind === Kind.FIELD
}

function shapeOf(node: FieldNode): FrameShape {
  const fields = fieldsOf(node)
  const isChange = (field: FieldNode): boolean => field.name.value === 'change'
  return {
    root: responseNameOf(node),
    changes: fields.filter(isChange).map(responseNameOf),
    selectsEntity: fields.some(field => !isChange(field) && field.name.value !== '__typename'),
    fields: fields.flatMap(field =>
      isChange(field)
        ? []
        : fieldsOf(field).map(inner => ({
            name: inner.name.value,
            path: [responseNameOf(field), responseNameOf(inner)] as const,
          })),
    ),
  }
}

/** `after` says where a client stands, not what it wants: it is left out when it comes in a variable. */
function keyOf(
  operation: OperationDefinitionNode,
  rootField: FieldNode,
  {
    variables,
    extensions,
  }: { readonly variables: Readonly<Record<string, unknown>>; readonly extensions: AskedExtensions },
): string {
  const after = rootField.arguments?.find(argument => argument.name.value === 'after')?.value
  const skipped = after?.kind === Kind.VARIABLE ? after.name.value : undefined
  const kept = (operation.variableDefinitions ?? []).flatMap(({ variable }) =>
    variable.name.value === skipped ? [] : [[variable.name.value, variables[variable.name.value]]],
  )
  return print(operation) + JSON.stringify([kept, extensions])
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
