import { VendorError } from './vendor-error.ts'

/** Pages in a row that must come before a page is asked for with twice as many records again. */
const pagesBeforeRaise = 5

/**
 * How many records a page of one list is asked for. A page that takes too long, or is too large to read, is asked for again
 * with half as many; after five pages in a row the number is doubled, up to the most the vendor allows.
 */
export interface PageSize {
  /**
   * Asks for one page.
   * @param ask asks for a page of at most `limit` records, from where the list goes on
   * @throws VendorError of the last try: when a page of one record took too long, or for another reason
   */
  ask<T>(ask: (limit: number) => Promise<T>): Promise<T>
}

export function openPageSize(most: number): PageSize {
  let limit = most
  let inARow = 0

  function halve(): void {
    limit = Math.max(1, Math.floor(limit / 2))
    inARow = 0
  }

  return {
    async ask(ask) {
      for (;;) {
        const asked = limit
        try {
          const page = await ask(asked)
          if (++inARow >= pagesBeforeRaise) {
            limit = Math.min(most, limit * 2)
            inARow = 0
          }
          return page
        } catch (error) {
          const isTooMuch = error instanceof VendorError && error.isTooMuch
          // Two lists of one kind may be read side by side: the other one may have halved it already.
          if (isTooMuch && limit === asked) halve()
          if (!isTooMuch || asked === 1) throw error
        }
      }
    },
  }
}
