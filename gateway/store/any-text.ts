/** A noncharacter, which no text of anybody's holds: what stands behind it is the number of a character. */
const mark = '\ufdd0'

const unstorable = /[\0\ufdd0\p{Surrogate}]/u
const everyUnstorable = /[\0\ufdd0\p{Surrogate}]/gu
const everyStored = /\ufdd0([0-9a-f]{4})/g

/**
 * A text as the databases can keep it: half of a surrogate pair has no UTF-8, and Postgres takes no NUL. Tools send both, as when they cut a
 * text within an emoji; written as they are, all such halves would be one character, and two e-mail addresses one.
 */
export function storable(value: unknown): unknown {
  if (typeof value !== 'string' || !unstorable.test(value)) return value
  return value.replace(everyUnstorable, one => mark + one.charCodeAt(0).toString(16).padStart(4, '0'))
}

/** Puts every text of the rows back to what was stored, in place. */
export function restoreTexts(rows: readonly Record<string, unknown>[]): void {
  for (const row of rows) {
    for (const name in row) {
      const value = row[name]
      if (typeof value === 'string' && value.includes(mark)) row[name] = restored(value)
    }
  }
}

function restored(text: string): string {
  return text.replace(everyStored, (_, number: string) => String.fromCharCode(Number.parseInt(number, 16)))
}
