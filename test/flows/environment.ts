import type { Simulators } from '../simulators/start.ts'

/** The settings by which a gateway works with these tools. */
export function toolsEnvironment({ hubspot, stripe, asana }: Simulators): Readonly<Record<string, string>> {
  return {
    HUBSPOT_ACCESS_TOKEN: hubspot.accessToken,
    HUBSPOT_CLIENT_SECRET: hubspot.clientSecret,
    HUBSPOT_BASE_URL: hubspot.url,
    STRIPE_SECRET_KEY: stripe.secretKey,
    STRIPE_WEBHOOK_SECRET: stripe.webhookSecret,
    STRIPE_BASE_URL: stripe.url,
    ASANA_ACCESS_TOKEN: asana.accessToken,
    ASANA_PROJECTS: '99',
    ASANA_CUSTOMER_FIELD: '123',
    ASANA_ORDER_FIELD: '124',
    ASANA_BASE_URL: asana.url,
  }
}
