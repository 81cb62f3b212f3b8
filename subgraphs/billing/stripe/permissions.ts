import type { CallContext } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { StripeClient } from './client.ts'

/** A permission of a restricted key, as the Dashboard calls it. Write includes read. */
interface Permission {
  readonly name: string
  readonly access: 'read' | 'write'
  /** Of the resource in the API, with the beginning of its ids. */
  readonly path: string
  readonly idPrefix: string
}

/** Everything that the product reads and writes. */
const permissions: readonly Permission[] = [
  { name: 'Customers', access: 'write', path: '/v1/customers', idPrefix: 'cus' },
  { name: 'Invoices', access: 'write', path: '/v1/invoices', idPrefix: 'in' },
  { name: 'Invoice Items', access: 'write', path: '/v1/invoiceitems', idPrefix: 'ii' },
  { name: 'Products', access: 'read', path: '/v1/products', idPrefix: 'prod' },
  { name: 'Prices', access: 'read', path: '/v1/prices', idPrefix: 'price' },
  { name: 'Payment Methods', access: 'read', path: '/v1/payment_methods', idPrefix: 'pm' },
  { name: 'Payment Intents', access: 'read', path: '/v1/payment_intents', idPrefix: 'pi' },
  { name: 'Charges', access: 'read', path: '/v1/charges', idPrefix: 'ch' },
  { name: 'Refunds', access: 'read', path: '/v1/refunds', idPrefix: 're' },
  { name: 'Credit Notes', access: 'read', path: '/v1/credit_notes', idPrefix: 'cn' },
  { name: 'Disputes', access: 'read', path: '/v1/disputes', idPrefix: 'dp' },
  { name: 'Events', access: 'read', path: '/v1/events', idPrefix: 'evt' },
  { name: 'Webhook Endpoints', access: 'write', path: '/v1/webhook_endpoints', idPrefix: 'we' },
]

/** What a restricted key needs: `Customers write, Invoices write, ...`. */
export const permissionsText = permissions.map(({ name, access }) => `${name} ${access}`).join(', ')

/** No record has it. */
const noId = 'livegraph_permission_check'

/** A permission that the key does not have, or whose trial failed otherwise. */
export interface Refused {
  /** `Customers write` */
  readonly permission: string
  readonly error: VendorError
}

/**
 * Tries each permission. Stripe has no call that lists a key's: each resource is listed, one record of it, and those that are written
 * are sent a change of a record that does not exist. Stripe looks at the permission first, and nothing is changed.
 */
export async function refusedPermissions(
  client: Pick<StripeClient, 'attempt'>,
  call: CallContext,
): Promise<readonly Refused[]> {
  const refused = await Promise.all(
    permissions.map(async ({ name, access, path, idPrefix }) => {
      const read = await faultOf(() => client.attempt('GET', path, call))
      const write =
        access === 'write' && read === null
          ? await faultOf(() => client.attempt('POST', `${path}/${idPrefix}_${noId}`, call))
          : null
      const error = read ?? write
      return error === null ? [] : [{ permission: `${name} ${access}`, error }]
    }),
  )
  return refused.flat()
}

/** @returns null when the key is let in, whatever else is wrong with what was asked */
async function faultOf(attempt: () => Promise<unknown>): Promise<VendorError | null> {
  try {
    await attempt()
    return null
  } catch (error) {
    if (!(error instanceof VendorError)) throw error
    return error.kind === 'not-found' || error.kind === 'rejected' ? null : error
  }
}
