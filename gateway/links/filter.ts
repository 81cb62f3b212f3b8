import { normalizeName, normalizeNumber } from '../../schema/values.ts'
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
  checkLength('number', number)
  if (number != null && normalizeNumber(number) === null)
    throw badInput('number: expected the number printed on an order, got a text without letters and digits')
  checkLength('namePrefix', namePrefix)
  if (namePrefix != null && normalizeName(namePrefix) === null)
    throw badInput('namePrefix: expected at least one letter or digit, got a text without them')
  checkLength('assignee', assigneeId)
  if (assigneeId != null && !/^[^\p{Cc}\p{Cs}]+$/u.test(assigneeId))
    throw badInput(
      'assignee: expected the id of a user in the jobs tool, got an empty text or control characters; isAssigned: false finds jobs without one',
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

function checkLength(name: string, text: string | null | undefined): void {
  if (text != null && text.length > maxLength)
    throw badInput(`${name}: expected at most ${maxLength} characters, got ${text.length}`)
}
