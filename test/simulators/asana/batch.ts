import { AsanaError, badRequest, errorBody } from './errors.ts'
import { isInput, list, object, text } from './input.ts'
import type { Input } from './input.ts'
import type { AsanaAnswer, AsanaRequest } from './routes.ts'

/** Source: Asana API reference, batch: at most ten actions, each counted like a request of its own. */
const mostActions = 10

export interface BatchOptions {
  /** Answers one action; null when there is no such endpoint. */
  readonly run: (request: Omit<AsanaRequest, 'params'>) => Promise<AsanaAnswer> | null
  /** @throws AsanaError 429 when there is no room for all of them. @returns called once they are through */
  readonly admit: (methods: readonly string[]) => () => void
}

/** `POST /batch`: actions side by side, answers in their order, 200 whatever became of each. */
export async function runBatch(data: Input, me: string, { run, admit }: BatchOptions): Promise<AsanaAnswer> {
  const actions = (list(data, 'actions') ?? []).map(readAction)
  if (actions.length === 0) throw badRequest('actions: Missing input')
  if (actions.length > mostActions)
    throw badRequest(`actions: At most ${mostActions} are allowed, got ${actions.length}`)
  const leave = admit(actions.map(action => action.method))
  try {
    const answers = await Promise.all(actions.map(action => answerOne({ ...action, me })))
    return { status: 200, body: { data: answers } }
  } finally {
    leave()
  }

  async function answerOne(action: Omit<AsanaRequest, 'params'>): Promise<Record<string, unknown>> {
    try {
      const answer = await run(action)
      if (answer === null) throw new AsanaError(404, `No matching route for request`)
      return { status_code: answer.status, headers: {}, body: answer.body }
    } catch (error) {
      if (!(error instanceof AsanaError)) throw error
      return { status_code: error.status, headers: error.headers, body: errorBody(error.message, error.beside) }
    }
  }
}

function readAction(action: unknown): Omit<AsanaRequest, 'params' | 'me'> {
  if (!isInput(action)) throw badRequest('actions: Value is not a list of actions')
  const path = text(action, 'relative_path')
  if (path === undefined) throw badRequest('relative_path: Missing input')
  const method = (text(action, 'method') ?? '').toUpperCase()
  if (!['GET', 'POST', 'PUT', 'DELETE'].includes(method)) throw badRequest(`method: Not a known method: ${method}`)
  const url = new URL(path.startsWith('/') ? path : `/${path}`, 'http://batch')
  const data = object(action, 'data') ?? {}
  const options = object(action, 'options') ?? {}
  const query = url.searchParams
  // A GET's data are its query.
  if (method === 'GET') for (const [field, value] of Object.entries(data)) query.set(field, String(value))
  for (const field of ['limit', 'offset']) {
    const value = options[field]
    if (typeof value === 'string' || typeof value === 'number') query.set(field, String(value))
  }
  const fields = list(options, 'fields')
  if (fields !== undefined) query.set('opt_fields', fields.join(','))
  return { method, path: url.pathname, query, data }
}
