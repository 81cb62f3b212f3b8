import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../../subgraphs/billing/stripe/config.ts'

describe('the settings of Stripe', () => {
  test('a key alone is enough, and the address is Stripe itself', () => {
    expect(
      parseConfig({ STRIPE_SECRET_KEY: 'rk_live_1', STRIPE_WEBHOOK_SECRET: '', STRIPE_BASE_URL: ' ' }),
    ).toMatchObject({
      config: {
        secretKey: 'rk_live_1',
        webhookSecrets: [],
        baseUrl: new URL('https://api.stripe.com'),
        isSandbox: false,
      },
    })
  })

  test('several signing secrets are read newest first', () => {
    const parsed = parseConfig({ STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_WEBHOOK_SECRET: 'whsec_new, whsec_old,' })
    expect(parsed).toMatchObject({ config: { webhookSecrets: ['whsec_new', 'whsec_old'], isSandbox: true } })
  })

  test('all faults come at once and hold no value', () => {
    const parsed = parseConfig({
      STRIPE_SECRET_KEY: 'pk_live_value',
      STRIPE_WEBHOOK_SECRET: 'whsec_fine,wrong-value',
      STRIPE_BASE_URL: 'ftp://wrong-value',
    })
    const faults = 'faults' in parsed ? parsed.faults : []
    expect(faults.map(fault => fault.name)).toEqual(['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'STRIPE_BASE_URL'])
    expect(JSON.stringify(faults)).not.toContain('value')
  })

  test('a limit of our own may be set, and has to be a number', () => {
    const key = { STRIPE_SECRET_KEY: 'rk_live_1' }
    expect(parseConfig(key)).toMatchObject({ config: { requestsPerSecond: null } })
    expect(parseConfig({ ...key, STRIPE_REQUESTS_PER_SECOND: '40' })).toMatchObject({
      config: { requestsPerSecond: 40 },
    })
    const parsed = parseConfig({ ...key, STRIPE_REQUESTS_PER_SECOND: 'many' })
    expect('faults' in parsed && parsed.faults.map(({ name }) => name)).toEqual(['STRIPE_REQUESTS_PER_SECOND'])
  })

  test.each(['', '  ', undefined])('a key of %j counts as missing', key => {
    const parsed = parseConfig({ STRIPE_SECRET_KEY: key })
    expect('faults' in parsed && parsed.faults[0]?.message).toContain('is missing')
  })
})
