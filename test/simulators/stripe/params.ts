import { badRequest } from './errors.ts'

/** A form as Stripe takes it: `metadata[crm_id]=1`, `expand[]=customer`, `lines[0][amount]=100`. */
export type Params = ReadonlyMap<string, string | Params>

type Growing = Map<string, string | Growing>

export function readForm(pairs: Iterable<readonly [string, string]>): Params {
  const root: Growing = new Map()
  for (const [name, value] of pairs) {
    const path = [name.split('[', 1)[0] ?? '', ...[...name.matchAll(/\[([^\]]*)\]/g)].map(found => found[1] ?? '')]
    let at = root
    for (const step of path.slice(0, -1)) {
      const key = step === '' ? String(at.size) : step
      const held = at.get(key)
      const next: Growing = held === undefined || typeof held === 'string' ? new Map<string, string | Growing>() : held
      at.set(key, next)
      at = next
    }
    const last = path.at(-1) ?? ''
    at.set(last === '' ? String(at.size) : last, value)
  }
  return root
}

/** What the SDK would send for the same object. */
export function paramsOf(from: object): Params {
  // By way of JSON: what is undefined goes, and decimals become text.
  const plain: unknown = JSON.parse(JSON.stringify(from))
  return fieldsOf(plain)
}

function fieldsOf(value: unknown): Params {
  const fields: [string, unknown][] = typeof value === 'object' && value !== null ? Object.entries(value) : []
  return new Map(
    fields.map(([field, inner]) => [
      field,
      typeof inner === 'object' && inner !== null ? fieldsOf(inner) : leaf(inner),
    ]),
  )
}

function leaf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

export function refuseUnknown(params: Params, known: readonly string[]): void {
  for (const name of params.keys()) {
    if (name === 'expand' || known.includes(name)) continue
    throw badRequest(`Received unknown parameter: ${name}`, 'parameter_unknown', name)
  }
}

/** @returns undefined when it was not sent, null when it is to be emptied */
export function text(params: Params, name: string): string | null | undefined {
  const value = params.get(name)
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw badRequest('Invalid string: {:hash=>true}', undefined, name)
  return value === '' ? null : value
}

export function required(params: Params, name: string): string {
  const value = text(params, name)
  if (value === undefined) throw badRequest(`Missing required param: ${name}.`, 'parameter_missing', name)
  if (value === null) {
    throw badRequest(`You passed an empty string for '${name}'.`, 'parameter_invalid_empty', name)
  }
  return value
}

export function integer(params: Params, name: string): number | undefined {
  const value = text(params, name)
  if (value === undefined || value === null) return undefined
  if (/^-?\d{1,15}$/.test(value)) return Number(value)
  throw badRequest(`Invalid integer: ${value}`, 'parameter_invalid_integer', name)
}

export function decimal(params: Params, name: string): number | undefined {
  const value = text(params, name)
  if (value === undefined || value === null) return undefined
  if (/^-?\d{1,15}(\.\d{1,12})?$/.test(value)) return Number(value)
  throw badRequest(`Invalid decimal: ${value}`, undefined, name)
}

export function flag(params: Params, name: string): boolean | undefined {
  const value = text(params, name)
  if (value === undefined || value === null) return undefined
  if (value === 'true' || value === 'false') return value === 'true'
  throw badRequest(`Invalid boolean: ${value}`, undefined, name)
}

export function choice<const T extends string>(params: Params, name: string, from: readonly T[]): T | undefined {
  const value = text(params, name)
  if (value === undefined || value === null) return undefined
  const found = from.find(allowed => allowed === value)
  if (found !== undefined) return found
  throw badRequest(`Invalid ${name}: must be one of ${from.join(', ')}`, undefined, name)
}

/** @returns undefined when it was not sent, null when it is to be emptied */
export function nested(params: Params, name: string): Params | null | undefined {
  const value = params.get(name)
  if (value === undefined || typeof value !== 'string') return value
  if (value === '') return null
  throw badRequest('Invalid object', undefined, name)
}

export function texts(params: Params, name: string): readonly string[] | undefined {
  const value = params.get(name)
  if (value === undefined) return undefined
  if (typeof value === 'string') throw badRequest('Invalid array', undefined, name)
  return [...value.values()].map(entry => {
    if (typeof entry === 'string') return entry
    throw badRequest('Invalid string: {:hash=>true}', undefined, name)
  })
}

/** Keys are added to what there is; an empty value takes a key away, an empty `metadata` all of them. */
export function mergeMetadata(params: Params, held: Readonly<Record<string, string>>): Record<string, string> {
  const given = nested(params, 'metadata')
  if (given === undefined) return { ...held }
  if (given === null) return {}
  const merged = new Map(Object.entries(held))
  for (const [key, value] of given) {
    if (typeof value !== 'string') throw badRequest('Invalid string: {:hash=>true}', undefined, `metadata[${key}]`)
    if (value === '') merged.delete(key)
    else merged.set(key, value)
  }
  return Object.fromEntries(merged)
}

/** `created[gte]=1` or `created=1`; in seconds. */
export function range(params: Params, name: string): (seconds: number) => boolean {
  const value = params.get(name)
  if (value === undefined) return () => true
  if (typeof value === 'string') {
    const exact = integer(params, name)
    return seconds => seconds === exact
  }
  const above = integer(value, 'gt') ?? -Infinity
  const from = integer(value, 'gte') ?? -Infinity
  const below = integer(value, 'lt') ?? Infinity
  const to = integer(value, 'lte') ?? Infinity
  return seconds => seconds > above && seconds >= from && seconds < below && seconds <= to
}
