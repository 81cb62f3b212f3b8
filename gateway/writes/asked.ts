import { createHash, randomBytes } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { MutationInput, WriteIntent } from '../../subgraphs/contract.ts'
import type { AskedWrite } from '../store/writes.ts'

const longestClientId = 255

/**
 * What is kept of a write that is asked for. A `clientMutationId` counts within its mutation; it is kept as a hash, since
 * a client may put anything in it.
 * @param resuming the id of the write that this is another run of
 * @throws GraphQLError `BAD_USER_INPUT` for a `clientMutationId` that is empty or too long
 */
export function askedWrite(intent: WriteIntent, resuming: string | null): AskedWrite {
  const { clientMutationId } = intent.input
  if (clientMutationId != null && (clientMutationId === '' || clientMutationId.length > longestClientId)) {
    throw badInput(
      `input.clientMutationId: expected 1 to ${longestClientId} characters, got ${clientMutationId.length}; a UUID does well`,
    )
  }
  const named = clientMutationId == null ? null : digest(`${intent.mutation}\n${clientMutationId}`).slice(0, 32)
  return {
    id: resuming ?? named ?? randomBytes(16).toString('hex'),
    role: intent.role,
    mutation: intent.mutation,
    entity: intent.entity,
    entityId: intent.id ?? null,
    isNamed: named !== null,
    input: canonical(intent.input),
    ...hashesOf(intent.input, randomBytes(12).toString('base64url')),
  }
}

/**
 * The same `clientMutationId` must come with the same input: it says that it is the same write.
 * @throws GraphQLError `BAD_USER_INPUT` that names the fields that differ
 */
export function refuseOtherInput(first: Omit<AskedWrite, 'input'>, input: MutationInput): void {
  const { inputHash, fieldHashes } = hashesOf(input, first.salt)
  if (inputHash === first.inputHash) return
  const names = [...new Set([...Object.keys(first.fieldHashes), ...Object.keys(fieldHashes)])]
  const differing = names.filter(name => first.fieldHashes[name] !== fieldHashes[name]).toSorted()
  throw badInput(
    `input.clientMutationId: expected the input it was first used with; what differs: ${differing.join(', ') || 'a value'}. Use a new one for another write.`,
  )
}

/** Short ones for the fields: enough to name what differs, too little to find a value by trying. */
function hashesOf(input: MutationInput, salt: string): Pick<AskedWrite, 'salt' | 'inputHash' | 'fieldHashes'> {
  const fields = Object.entries(input).filter(([name, value]) => name !== 'clientMutationId' && value !== undefined)
  const hashed = fields.map(([name, value]) => [name, digest(`${salt}${name}${canonical(value)}`).slice(0, 6)] as const)
  return {
    salt,
    inputHash: digest(`${salt}${canonical(Object.fromEntries(fields))}`),
    fieldHashes: Object.fromEntries(hashed),
  }
}

/** JSON in which equal values are equal texts: the order of an object's keys does not count. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
