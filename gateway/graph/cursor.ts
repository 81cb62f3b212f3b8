import { GraphQLError } from 'graphql'

/** The cursor that stands for "seen up to this Change": opaque to clients. */
export function cursorOf(sequence: number): string {
  return Buffer.from(`c1:${sequence}`).toString('base64url')
}

/**
 * @returns the sequence of the last Change seen
 * @throws GraphQLError `BAD_USER_INPUT` for text that is no cursor of ours
 */
export function cursorSequence(cursor: string): number {
  const match = /^c1:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (match === null) {
    throw new GraphQLError('after: expected the cursor of a frame received before', {
      extensions: { code: 'BAD_USER_INPUT' },
    })
  }
  return Number(match[1])
}
