import { z } from 'zod'
import { HubspotError, invalid, notFound } from './errors.ts'
import { contactView } from './views.ts'
import type { SimulatorAnswer } from '../core/server.ts'
import type { PropertyPatch } from './properties.ts'
import type { Contact, HubspotState } from './state.ts'

/** Source: HubSpot developer documentation, contacts: at most 100 inputs in a batch. */
const mostInputs = 100

/** As JSON brings them; numbers and booleans become text. */
export const givenProperties = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.null()]).transform(value => (value === null ? null : String(value))),
)

const inputs = <Input extends z.ZodType>(input: Input) => z.array(input).max(mostInputs)
const id = z.coerce.string()
const idProperty = z.string().nullish()

export const batchReadBody = z.object({
  inputs: inputs(z.object({ id })),
  properties: z.array(z.string()).default([]),
  idProperty,
})
export const batchCreateBody = z.object({ inputs: inputs(z.object({ properties: givenProperties })) })
export const batchUpdateBody = z.object({ inputs: inputs(z.object({ id, idProperty, properties: givenProperties })) })
export const batchArchiveBody = z.object({ inputs: inputs(z.object({ id })) })

/** The contact an id means: by the record's id, current or merged, or by e-mail. @throws HubspotError 400 for other ways */
export function contactBy(state: HubspotState, id: string, idProperty?: string | null): Contact | undefined {
  if (idProperty === undefined || idProperty === null || idProperty === 'hs_object_id') return state.find(id)
  if (idProperty === 'email') return state.findByEmail(id)
  throw invalid(`Property "${idProperty}" is not a unique property: give email or hs_object_id`)
}

/**
 * Each contact once, in the order of ids and not of the inputs; a merged id brings its winner.
 * 207 with the ids that are missing when some are.
 */
export function batchRead(
  state: HubspotState,
  body: z.infer<typeof batchReadBody>,
  { isArchived, now }: { readonly isArchived: boolean; readonly now: Date },
): SimulatorAnswer {
  const found = new Map<string, Contact>()
  const missing: string[] = []
  for (const { id } of body.inputs) {
    const contact = isArchived ? state.findArchived(id) : contactBy(state, id, body.idProperty)
    if (contact === undefined) missing.push(id)
    else found.set(contact.id, contact)
  }
  const results = [...found.values()]
    .sort((one, other) => Number(one.id) - Number(other.id))
    .map(contact => contactView(contact, body.properties))
  const error = {
    status: 'error',
    category: 'OBJECT_NOT_FOUND',
    message: 'Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.',
    context: { ids: missing },
  }
  return answer(200, results, missing.length === 0 ? [] : [error], now)
}

export function batchCreate(
  state: HubspotState,
  { inputs }: z.infer<typeof batchCreateBody>,
  now: Date,
): SimulatorAnswer {
  return writeEach(inputs, 201, now, ({ properties }) => contactView(state.create(properties, 'INTEGRATION')))
}

export function batchUpdate(
  state: HubspotState,
  { inputs }: z.infer<typeof batchUpdateBody>,
  now: Date,
): SimulatorAnswer {
  return writeEach(inputs, 200, now, ({ id, idProperty, properties }) => {
    const contact = contactBy(state, id, idProperty)
    if (contact === undefined) throw notFound(id)
    return written(state.update(contact.id, properties, 'INTEGRATION'), properties)
  })
}

/** Creates what is not there by its unique property, and says so with `new`. */
export function batchUpsert(
  state: HubspotState,
  { inputs }: z.infer<typeof batchUpdateBody>,
  now: Date,
): SimulatorAnswer {
  return writeEach(inputs, 200, now, ({ id, idProperty, properties }) => {
    const contact = contactBy(state, id, idProperty)
    if (contact !== undefined) {
      return { ...written(state.update(contact.id, properties, 'INTEGRATION'), properties), new: false }
    }
    if (idProperty !== 'email') throw notFound(id)
    return { ...written(state.create({ email: id, ...properties }, 'INTEGRATION'), properties), new: true }
  })
}

/** A contact after a write, with the properties that were written. */
export function written(contact: Contact, properties: PropertyPatch): ReturnType<typeof contactView> {
  return contactView(contact, Object.keys(properties))
}

function writeEach<Input>(
  inputs: readonly Input[],
  status: 200 | 201,
  now: Date,
  write: (input: Input) => Readonly<Record<string, unknown>>,
): SimulatorAnswer {
  const results: Readonly<Record<string, unknown>>[] = []
  const errors: Readonly<Record<string, unknown>>[] = []
  for (const input of inputs) {
    try {
      results.push(write(input))
    } catch (error) {
      if (!(error instanceof HubspotError)) throw error
      const { category, message, beside } = error
      errors.push({ status: 'error', category, message, context: {}, ...beside })
    }
  }
  return answer(status, results, errors, now)
}

function answer(
  status: 200 | 201,
  results: readonly unknown[],
  errors: readonly unknown[],
  now: Date,
): SimulatorAnswer {
  const at = now.toISOString()
  const whole = { status: 'COMPLETE', results, startedAt: at, completedAt: at }
  if (errors.length === 0) return { status, body: whole }
  return { status: 207, body: { ...whole, numErrors: errors.length, errors } }
}
