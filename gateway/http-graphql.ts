import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HTTPGraphQLResponse } from '@apollo/server'
import Negotiator from 'negotiator'
import { z } from 'zod'
import { readJson } from './exact-json.ts'
import { sendLast, endEarly } from './http-messages.ts'
import { decodeUtf8 } from './utf8.ts'

// GraphQL over HTTP, the same for every server of ours: what a request asks for, and how it is answered.
// Source: the draft "GraphQL Over HTTP" of the GraphQL Foundation's working group.

const json = 'application/json'
const graphQLResponse = 'application/graphql-response+json'

/** Why a request is not even begun with. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 405 | 406 | 413 | 415
  readonly message: string
  readonly code?: string
}

type Read<T> = { readonly ok: T } | { readonly refused: Refusal }

/** What a POST may not be sent as; looked at before its body is read. */
export function unsupportedBody({ headers }: IncomingMessage): Refusal | null {
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding !== 'identity' && encoding !== '')
    return { status: 415, message: `Expected a body that is not compressed, got Content-Encoding: ${named(encoding)}.` }
  const given = headers['content-type'] ?? ''
  const type = given.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type !== json) {
    const got = type === '' ? 'none' : named(type)
    return { status: 415, message: `Expected JSON with "query", sent as ${json}; got the content type ${got}.` }
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(given)?.[1]?.toLowerCase()
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8')
    return { status: 415, message: `Expected text in UTF-8, got the charset ${named(charset)}.` }
  return null
}

/** @param body of a POST that `unsupportedBody` has nothing against */
export function readPost(body: Buffer): Read<object> {
  const text = decodeUtf8(body)
  if (text === null) return refused('The body is not UTF-8: nothing of it is read.')
  const read = readJson(text)
  if (read === 'lone surrogate') return { refused: loneSurrogate }
  const value = read === 'no JSON' ? undefined : read.value
  if (Array.isArray(value)) return refused('Expected one operation, got a list: send them side by side.')
  if (typeof value !== 'object' || value === null) return refused('Expected a JSON object with "query".')
  return { ok: 'operationName' in value && value.operationName === '' ? { ...value, operationName: null } : value }
}

/** Parameters of a GET that are as good as not sent when they are empty. */
const optional: ReadonlySet<string> = new Set(['operationName', 'variables', 'extensions'])

/** @returns the query of an address (`?query=…`), as URLSearchParams writes it */
export function readGet({ url = '' }: IncomingMessage): Read<string> {
  const search = /\?([^#]*)/.exec(url)?.[1] ?? ''
  const parameters = new URLSearchParams()
  for (const part of search.split('&').filter(text => text !== '')) {
    const [name, value] = splitOnce(part).map(decoded)
    if (name == null || value == null) return refused('The address holds text that is not UTF-8.')
    if (value === '' && optional.has(name)) continue
    const read = name === 'variables' || name === 'extensions' ? readJson(value) : { value }
    if (read === 'lone surrogate') return { refused: loneSurrogate }
    if (read === 'no JSON') return refused(`Expected JSON in "${name}".`)
    parameters.append(name, name === 'query' || name === 'operationName' ? value : JSON.stringify(read.value))
  }
  const written = parameters.toString()
  return { ok: written === '' ? '' : `?${written}` }
}

/** @returns what the client wants its answer as; null when it takes neither of the two that are offered */
export function answerType(request: IncomingMessage): string | null {
  // With the charset: a client that names it takes nothing without.
  const type = new Negotiator(request).mediaType([`${json}; charset=utf-8`, `${graphQLResponse}; charset=utf-8`])
  return type?.split(';')[0] ?? null
}

export const notAcceptable: Refusal = {
  status: 406,
  message: `Answers are ${json} or ${graphQLResponse}, and "Accept" allows neither. Subscriptions run over the websocket at this address.`,
}

/** For any method but GET and POST, the two of the specification. */
export const otherMethod: Refusal = {
  status: 405,
  message: 'The graph answers POST, and queries by GET. Subscriptions run over the websocket at this address.',
}

/** Answers as GraphQL does, in the type the client asked for. */
export function sendRefusal(response: ServerResponse, { status, message, code = 'BAD_REQUEST' }: Refusal): void {
  response.statusCode = status
  response.setHeader('Content-Type', `${answerType(response.req) ?? json}; charset=utf-8`)
  response.setHeader('Cache-Control', 'no-store')
  endEarly(response, JSON.stringify({ errors: [{ message, extensions: { code } }] }))
}

export async function sendResult(response: ServerResponse, { headers, status, body }: HTTPGraphQLResponse) {
  for (const [name, value] of headers) response.setHeader(name, value)
  // What is refused before it is executed comes without a look at what its client accepts.
  if (headers.get('content-type')?.startsWith(json) === true && answerType(response.req) === graphQLResponse)
    response.setHeader('Content-Type', `${graphQLResponse}; charset=utf-8`)
  response.statusCode = status ?? 200
  if (body.kind === 'complete') {
    if (status === 400 && answerType(response.req) === json && isAboutOperation(body.string)) response.statusCode = 200
    return sendLast(response, body.string)
  }
  for await (const chunk of body.asyncIterator) response.write(chunk)
  response.end()
}

const codes = z.object({ errors: z.array(z.object({ extensions: z.object({ code: z.string() }) })) })

/**
 * Whether the request was in order, and only its operation is not. A client that asks for plain JSON is answered 200 then: it may take
 * anything else for the word of a proxy, and never show what is wrong.
 */
function isAboutOperation(body: string): boolean {
  const read = codes.safeParse(JSON.parse(body))
  const others = ['BAD_REQUEST', 'INTERNAL_SERVER_ERROR']
  return read.success && read.data.errors.every(({ extensions }) => !others.includes(extensions.code))
}

export const loneSurrogate: Refusal = {
  status: 400,
  message: 'A text holds half of a surrogate pair, such as "\\ud800", which UTF-8 cannot carry: send whole characters.',
  code: 'BAD_USER_INPUT',
}

function refused(message: string): { readonly refused: Refusal } {
  return { refused: { status: 400, message } }
}

/** A header's word, as far as it is one. */
function named(word: string): string {
  return word.replace(/[^\w.+/-]/g, '').slice(0, 60)
}

function splitOnce(part: string): readonly [string, string] {
  const at = part.indexOf('=')
  return at === -1 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
}

/** @param text of an address, which Node lets hold ASCII alone. @returns null when its bytes are not UTF-8 */
function decoded(text: string): string | null {
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return decodeUtf8(Buffer.from(bytes, 'latin1'))
}
