import {
  Kind,
  visit,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
} from 'graphql'

/** An operation with the fragments it reaches. */
export interface ChosenOperation {
  readonly operation: OperationDefinitionNode
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
}

/**
 * The document without the operations that do not run, and without the fragments that only those reach. Validation reads the whole
 * document, as the specification wants it; limits, conditions, cost and plans are about what runs.
 */
export function chosenDocument(document: DocumentNode, operation: OperationDefinitionNode): DocumentNode {
  const fragments = fragmentsIn(document)
  const reached = new Map<string, FragmentDefinitionNode>()
  const unread: (OperationDefinitionNode | FragmentDefinitionNode)[] = [operation]
  for (let next = unread.pop(); next !== undefined; next = unread.pop()) {
    visit(next, {
      FragmentSpread({ name }) {
        const fragment = fragments[name.value]
        if (fragment === undefined || reached.has(name.value)) return
        reached.set(name.value, fragment)
        unread.push(fragment)
      },
    })
  }
  return { ...document, definitions: [operation, ...reached.values()] }
}

/** Reads the only operation of a document that `chosenDocument` made. */
export function chosenIn(document: DocumentNode): ChosenOperation {
  for (const operation of document.definitions) {
    if (operation.kind === Kind.OPERATION_DEFINITION) return { operation, fragments: fragmentsIn(document) }
  }
  throw new Error('expected the document to hold the operation that runs')
}

/** The name under which a field stands in the answer. */
export function responseNameOf({ alias, name }: FieldNode): string {
  return alias?.value ?? name.value
}

function fragmentsIn({ definitions }: DocumentNode): Readonly<Record<string, FragmentDefinitionNode>> {
  return Object.fromEntries(
    definitions.flatMap(node => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [])),
  )
}
