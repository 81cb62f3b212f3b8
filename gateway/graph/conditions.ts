import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  visit,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import { maxTokens } from './limits.ts'

/** Values of the variables that conditions name; those of others may stand among them. */
export type ConditionValues = Readonly<Record<string, unknown>>

/** The variables by which `@include` and `@skip` decide what is asked for at all. */
export function conditionVariables(document: DocumentNode): readonly string[] {
  const names = new Set<string>()
  visit(document, {
    Directive(directive) {
      const { value } = conditionOf(directive) ?? {}
      if (value?.kind === Kind.VARIABLE) names.add(value.name.value)
    },
  })
  return [...names].sort()
}

/**
 * The document as it reads once every condition is decided. What is left out is never planned: planning every way in which
 * conditions could turn out takes time that grows with each nested one, and only one of them is asked for.
 * @throws GraphQLError `BAD_USER_INPUT`: a variable with a default may still be null, which a condition cannot be
 */
export function decideConditions(document: DocumentNode, values: ConditionValues): DocumentNode {
  const decide = <Node extends SelectionNode>(node: Node): Node | null | undefined => {
    const conditions = (node.directives ?? []).filter(directive => conditionOf(directive) !== null)
    if (conditions.length === 0) return undefined
    if (!conditions.every(condition => isIncluded(condition, values))) return null
    return { ...node, directives: node.directives?.filter(directive => !conditions.includes(directive)) }
  }
  return visit(document, {
    Field: { enter: decide },
    InlineFragment: { enter: decide },
    FragmentSpread: { enter: decide },
    // A field whose fields are all left out is an empty object.
    SelectionSet: {
      leave: (set): SelectionSetNode | undefined =>
        set.selections.length > 0 ? undefined : { ...set, selections: [nothing] },
    },
  })
}

/**
 * Why the text is refused when it holds a subscription whose root field hangs on a condition; null for any other text. The
 * specification forbids it, and graphql-js, which has to know the field while it validates, throws.
 * Source: GraphQL specification, September 2025, 5.2.4.1 "Single Root Field".
 */
export function conditionalSubscription(text: string): GraphQLError | null {
  if (!text.includes('subscription') || !/include|skip/.test(text)) return null
  let document: DocumentNode
  try {
    document = parse(text, { maxTokens })
  } catch {
    // Not ours to say: whoever parses it next does.
    return null
  }
  const isConditional = (set: SelectionSetNode): boolean =>
    set.selections.some(
      node =>
        (node.directives ?? []).some(directive => conditionOf(directive) !== null) ||
        (node.kind === Kind.INLINE_FRAGMENT && isConditional(node.selectionSet)),
    )
  for (const node of document.definitions) {
    const isRoot =
      (node.kind === Kind.OPERATION_DEFINITION && node.operation === OperationTypeNode.SUBSCRIPTION) ||
      (node.kind === Kind.FRAGMENT_DEFINITION && node.typeCondition.name.value === 'Subscription')
    if (isRoot && isConditional(node.selectionSet)) {
      return new GraphQLError('The root field of a subscription cannot stand under @include or @skip.', {
        extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
      })
    }
  }
  return null
}

/** A selection of nothing, in words that the language has. */
export const nothing: FieldNode = {
  kind: Kind.FIELD,
  name: { kind: Kind.NAME, value: '__typename' },
  directives: [
    {
      kind: Kind.DIRECTIVE,
      name: { kind: Kind.NAME, value: 'include' },
      arguments: [
        { kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: 'if' }, value: { kind: Kind.BOOLEAN, value: false } },
      ],
    },
  ],
}

/** Whether a field of a document whose conditions are decided is that selection: no other has a condition left. */
export function isNothing({ directives = [] }: FieldNode): boolean {
  return directives.some(directive => conditionOf(directive) !== null)
}

function conditionOf({ name, arguments: given = [] }: DirectiveNode) {
  return name.value === 'include' || name.value === 'skip' ? (given[0] ?? null) : null
}

function isIncluded(directive: DirectiveNode, values: ConditionValues): boolean {
  const { value } = conditionOf(directive) ?? {}
  const isMet =
    value?.kind === Kind.BOOLEAN ? value.value : value?.kind === Kind.VARIABLE ? values[value.name.value] : null
  if (typeof isMet !== 'boolean') {
    const name = value?.kind === Kind.VARIABLE ? `Variable "$${value.name.value}"` : 'The condition'
    throw new GraphQLError(`${name} of @${directive.name.value} must be true or false, got null.`, {
      extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
    })
  }
  return directive.name.value === 'include' ? isMet : !isMet
}
