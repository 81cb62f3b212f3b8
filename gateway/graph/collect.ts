import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  type FieldNode,
  type GraphQLAbstractType,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type InlineFragmentNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import { responseNameOf, type ChosenOperation } from './chosen.ts'
import { isNothing, nothing } from './conditions.ts'

/** An operation in the form in which it is planned and executed. */
export interface CollectedOperation {
  /** Each response name once a selection set, in the order of the answer; no fragments but those that tell apart the types of an interface. */
  readonly operation: OperationDefinitionNode
  /** `__schema` and `__type` as they were selected: the schema answers them, no plan does. */
  readonly introspection: readonly FieldNode[]
  /** The response names of the answer, in their order, those of introspection included. */
  readonly rootNames: readonly string[]
}

/**
 * Opens fragments and merges what is selected more than once under one response name, as `CollectFields` and
 * `MergeSelectionSets` of the specification (September 2025, 6.3.2 and 6.4.3) do. Federation's library merges too, but in an order
 * of its own, and what is decided of a subscription's root field needs the whole of it.
 * @param chosen valid, its conditions decided, and within the limits: a fragment is opened wherever it is spread
 */
export function collect(schema: GraphQLSchema, chosen: ChosenOperation): CollectedOperation {
  const { operation } = chosen
  const rootType = schema.getRootType(operation.operation)
  if (rootType == null) throw new Error(`expected the schema to have a type for ${operation.operation}`)
  const collector = new Collector(schema, chosen.fragments)
  const root = collector.fieldsOf([operation.selectionSet], rootType)
  const planned: SelectionNode[] = []
  const introspection: FieldNode[] = []
  for (const nodes of root.values()) {
    const [first] = nodes
    if (first !== undefined && isIntrospection(first)) introspection.push(...nodes)
    else planned.push(...collector.merged(nodes, rootType))
  }
  return {
    operation: { ...operation, selectionSet: setOf(planned) },
    introspection,
    rootNames: [...root.keys()],
  }
}

/** Whether the field asks the schema about itself; `__typename` does not. */
export function isIntrospection({ name }: FieldNode): boolean {
  return name.value === SchemaMetaFieldDef.name || name.value === TypeMetaFieldDef.name
}

class Collector {
  readonly #schema: GraphQLSchema
  readonly #fragments: ChosenOperation['fragments']

  constructor(schema: GraphQLSchema, fragments: ChosenOperation['fragments']) {
    this.#schema = schema
    this.#fragments = fragments
  }

  /** The fields that are selected of an object of the type, by their response names. */
  fieldsOf(sets: readonly SelectionSetNode[], type: GraphQLCompositeType): Map<string, FieldNode[]> {
    const fields = new Map<string, FieldNode[]>()
    for (const set of sets) this.#collect(set, type, fields)
    return fields
  }

  /** @param nodes fields of one response name */
  merged(nodes: readonly FieldNode[], type: GraphQLCompositeType): readonly FieldNode[] {
    const [first] = nodes
    if (first === undefined) return []
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? [])
    if (sets.length === 0) return [first]
    return [{ ...first, selectionSet: this.#set(sets, this.#typeOf(first, type)) }]
  }

  #set(sets: readonly SelectionSetNode[], type: GraphQLCompositeType): SelectionSetNode {
    if (!isAbstractType(type) || !sets.some(set => this.#narrows(set, type))) return setOf(this.#selections(sets, type))
    // What is selected, and in which order, differs with the type of the object.
    return setOf(
      this.#schema.getPossibleTypes(type).flatMap(possible => {
        const selections = this.#selections(sets, possible)
        return selections.length === 0 ? [] : [fragmentOn(possible, selections)]
      }),
    )
  }

  #selections(sets: readonly SelectionSetNode[], type: GraphQLCompositeType): readonly FieldNode[] {
    return [...this.fieldsOf(sets, type).values()].flatMap(nodes => this.merged(nodes, type))
  }

  #collect(set: SelectionSetNode, type: GraphQLCompositeType, fields: Map<string, FieldNode[]>): void {
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) {
        if (isNothing(node)) continue
        const name = responseNameOf(node)
        const known = fields.get(name)
        if (known === undefined) fields.set(name, [node])
        else known.push(node)
      } else {
        const { condition, selectionSet } = this.#fragment(node)
        if (this.#applies(condition, type)) this.#collect(selectionSet, type, fields)
      }
    }
  }

  /** Whether a fragment within is on another type: it may have fields that this one has not, or be for some of its objects only. */
  #narrows(set: SelectionSetNode, type: GraphQLAbstractType): boolean {
    return set.selections.some(node => {
      if (node.kind === Kind.FIELD) return false
      const { condition, selectionSet } = this.#fragment(node)
      return (condition !== null && condition !== type.name) || this.#narrows(selectionSet, type)
    })
  }

  #fragment(node: Exclude<SelectionNode, FieldNode>): {
    readonly condition: string | null
    readonly selectionSet: SelectionSetNode
  } {
    if (node.kind === Kind.INLINE_FRAGMENT) {
      return { condition: node.typeCondition?.name.value ?? null, selectionSet: node.selectionSet }
    }
    const fragment = this.#fragments[node.name.value]
    if (fragment === undefined) throw new Error(`expected the document to define the fragment ${node.name.value}`)
    return { condition: fragment.typeCondition.name.value, selectionSet: fragment.selectionSet }
  }

  /** Whether a fragment on the condition is for objects of the type. */
  #applies(condition: string | null, type: GraphQLCompositeType): boolean {
    if (condition === null || condition === type.name) return true
    const wanted = this.#schema.getType(condition)
    return isAbstractType(wanted) && isObjectType(type) && this.#schema.isSubType(wanted, type)
  }

  #typeOf({ name }: FieldNode, parent: GraphQLCompositeType): GraphQLCompositeType {
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name.value] : undefined
    const type = field === undefined ? undefined : getNamedType(field.type)
    if (type === undefined || !isCompositeType(type)) {
      throw new Error(`expected ${parent.name}.${name.value} to be a field with fields of its own`)
    }
    return type
  }
}

function setOf(selections: readonly SelectionNode[]): SelectionSetNode {
  return { kind: Kind.SELECTION_SET, selections: selections.length === 0 ? [nothing] : selections }
}

function fragmentOn({ name }: GraphQLObjectType, selections: readonly SelectionNode[]): InlineFragmentNode {
  return {
    kind: Kind.INLINE_FRAGMENT,
    typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: name } },
    selectionSet: setOf(selections),
  }
}
