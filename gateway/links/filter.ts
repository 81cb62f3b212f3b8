import { normalizeEmail, normalizeName, normalizeNumber } from '../../schema/values.ts'
import type { PageFilter } from '../../subgraphs/contract.ts'
import { badInput } from './page.ts'

/** Values of one status filter: each is a list of its own in the statement. */
const maxStatuses = 100

/** Characters of a number, a name or an id: more than the index keeps of one. */
const maxLength = 100

/**
 * Refuses what no record could meet by its form, or what would make a statement too large.
 * @throws GraphQLError `BAD_USER_INPUT` naming the argument, what was expected and what came
 */
export function checkFilter(filter: PageFilter): void {
  const { status, number, namePrefix, assigneeId, created, due, schedule, total } = filter
  const statuses = status?.length ?? 0
  if (statuses > maxStatuses) throw badInput(`status: expected at most ${maxStatuses} values, got ${statuses}`)
  for (const one of status ?? []) checkText('status', one, 'the name of a stage')
  for (const { type, id } of filter.parents ?? []) checkText(type.toLowerCase(), id, 'an id')
  checkText('email', filter.email, 'an address such as ada@example.com')
  if (filter.email != null && normalizeEmail(filter.email) === null)
    throw badInput('email: expected an address such as ada@example.com, got a text that is no address')
  checkText('number', number, 'the number printed on an order')
  checkLength('number', number)
  if (number != null && normalizeNumber(number) === null)
    throw badInput('number: expected the number printed on an order, got a text without letters and digits')
  checkText('namePrefix', namePrefix, 'at least one letter or digit')
  checkLength('namePrefix', namePrefix)
  if (namePrefix != null && normalizeName(namePrefix) === null)
    throw badInput('namePrefix: expected at least one letter or digit, got a text without them')
  checkText('assignee', assigneeId, 'the id of a user in the jobs tool')
  checkLength('assignee', assigneeId)
  if (assigneeId != null && !/^[^\p{Cc}\p{Cs}]+$/u.test(assigneeId))
    throw badInput(
      'assignee: expected the id of a user in the jobs tool, got control characters; isAssigned: false finds jobs without one',
    )
  for (const [name, range] of Object.entries({ created, due })) {
    if (range != null)
      checkRange(name, 'before', range.from?.getTime(), range.before?.getTime(), (from, before) => from < before)
  }
  if (schedule != null) checkRange('schedule', 'to', schedule.from, schedule.to, (from, to) => from <= to)
  if (total?.min != null && total.max != null && total.min > total.max)
    throw badInput(`total: expected min up to max, got ${total.min} and ${total.max}`)
}

function checkRange<T>(
  name: string,
  end: 'before' | 'to',
  from: T | null | undefined,
  to: T | null | undefined,
  isRange: (from: T, to: T) => boolean,
): void {
  if (from == null && to == null) throw badInput(`${name}: expected from, ${end} or both, got neither`)
  if (from == null || to == null || isRange(from, to)) return
  throw badInput(
    end === 'to'
      ? `${name}: expected from on or before the day to, got a later day`
      : `${name}: expected from earlier than before, got the same instant or a later one`,
  )
}

/** Nothing has blank text for a value: a client that sends it has lost what its user chose. */
function checkText(name: string, text: string | null | undefined, expected: string): void {
  if (text?.trim() === '') throw badInput(`${name}: expected ${expected}, got blank text; leave it out to select all`)
}

function checkLength(name: string, text: string | null | undefined): void {
  if (text != null && text.length > maxLength)
    throw badInput(`${name}: expected at most ${maxLength} characters, got ${text.length}`)
}
