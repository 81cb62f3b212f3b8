import type { CallContext } from '../../contract.ts'
import { isUnderstood, mapField, type NotUnderstood, understoodIn, valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { StripeClient } from './client.ts'
import { elementBy, embedded, readAll } from './pages.ts'
import { readLine, type InvoiceRecord, type LineRecord } from './records.ts'

export type Lines = readonly (LineRecord | NotUnderstood)[]

/** The lines of invoices. An invoice holds its first 10; the others are read apart, and live as long as its cached value. */
export interface InvoiceLines {
  /** @throws VendorError */
  read(invoice: InvoiceRecord, call: CallContext): Promise<Lines>
  /**
   * The same for the index, which keeps what was known where they cannot be had: an invoice whose lines are refused or damaged is
   * still one.
   * @throws VendorError while they may be had later
   */
  readForIndex(invoice: InvoiceRecord, call: CallContext): Promise<Lines | null>
}

export function openLines(client: Pick<StripeClient, 'lines'>): InvoiceLines {
  const readFurther = new WeakMap<InvoiceRecord, Lines>()

  async function read(invoice: InvoiceRecord, call: CallContext): Promise<Lines> {
    const known = embedded(invoice.lines) ?? readFurther.get(invoice)
    if (known !== undefined) return known
    const lines = await readAll(after => client.lines(invoice.id, after, call), elementBy(readLine))
    readFurther.set(invoice, lines)
    return lines
  }

  return {
    read,
    async readForIndex(invoice, call) {
      if (!hasFurther(invoice)) return embedded(invoice.lines)
      try {
        return await read(invoice, call)
      } catch (error) {
        if (!(error instanceof VendorError) || !isLasting(error)) throw error
        return null
      }
    },
  }
}

function isLasting({ kind, isPassing }: VendorError): boolean {
  return kind === 'unreadable' || (!isPassing && kind !== 'aborted')
}

/** Whether an invoice has more lines than it holds. */
export function hasFurther({ lines }: InvoiceRecord): boolean {
  return valueOrNull(mapField(lines, ({ has_more }) => has_more)) === true
}

/** The products that lines show, each once. */
export function productsOf(lines: Lines): readonly string[] {
  const ids = understoodIn(lines).flatMap(({ pricing }) => {
    const product = mapField(pricing, ({ price_details: details }) => mapField(details, one => one.product))
    return isUnderstood(product) && product !== null ? [product] : []
  })
  return [...new Set(ids)]
}
