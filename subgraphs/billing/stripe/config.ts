import { permissionsText } from './permissions.ts'
import type { Environment, SettingDoc, SettingFault } from '../../contract.ts'

export interface StripeConfig {
  readonly secretKey: string
  /** Signing secrets of the webhook endpoint, newest first; none when connecting stores one. */
  readonly webhookSecrets: readonly string[]
  readonly baseUrl: URL
  /** Test keys have a sandbox's smaller budget. */
  readonly isSandbox: boolean
  /** Null for Stripe's own number, by the kind of key. */
  readonly requestsPerSecond: number | null
}

const ownUrl = 'https://api.stripe.com'

export const settings: readonly SettingDoc[] = [
  {
    name: 'STRIPE_SECRET_KEY',
    help: `A secret or restricted API key (Dashboard, Developers, API keys). A restricted key needs: ${permissionsText}.`,
    example: 'rk_live_0123456789',
    isRequired: true,
    isSecret: true,
  },
  {
    name: 'STRIPE_WEBHOOK_SECRET',
    help: 'Signing secret of the webhook endpoint; several, newest first, separated by commas while one is being rolled.',
    example: 'whsec_...',
    isRequired: false,
    isSecret: true,
  },
  {
    name: 'STRIPE_REQUESTS_PER_SECOND',
    help: 'How many requests this gateway may send in a second: 100 with a live key and 25 with a test key when not given, and 25 of one kind at most. To be set lower where others use the same account.',
    example: '50',
    isRequired: false,
    isSecret: false,
  },
  {
    name: 'STRIPE_BASE_URL',
    help: "The address of Stripe's API, without a path. Leave it out unless a proxy or a stand-in answers in its place.",
    example: ownUrl,
    isRequired: false,
    isSecret: false,
  },
]

/** Reads the settings. An empty text counts as missing. @returns every fault at once */
export function parseConfig(
  environment: Environment,
): { readonly config: StripeConfig } | { readonly faults: readonly SettingFault[] } {
  const faults: SettingFault[] = []
  const fault = (name: string, problem: string): void => {
    faults.push({ name, message: `${name} ${problem}` })
  }
  const secretKey = environment['STRIPE_SECRET_KEY']?.trim() ?? ''
  if (secretKey === '') {
    fault('STRIPE_SECRET_KEY', 'is missing: make a restricted key in the Dashboard under Developers, API keys.')
  } else if (!/^[sr]k_[A-Za-z0-9_]+$/.test(secretKey)) {
    fault(
      'STRIPE_SECRET_KEY',
      'expected an API key that begins with rk_ or sk_, got another text; a key that begins with pk_ cannot read',
    )
  }
  const webhookSecrets = (environment['STRIPE_WEBHOOK_SECRET'] ?? '')
    .split(',')
    .map(secret => secret.trim())
    .filter(secret => secret !== '')
  if (!webhookSecrets.every(secret => /^whsec_\S+$/.test(secret))) {
    fault(
      'STRIPE_WEBHOOK_SECRET',
      'expected signing secrets that begin with whsec_, separated by commas, got another text',
    )
  }
  const baseUrl = baseUrlOf(environment['STRIPE_BASE_URL']?.trim() ?? '')
  if (baseUrl === null) {
    fault(
      'STRIPE_BASE_URL',
      `expected an http or https address without a path such as ${ownUrl}, got another form: correct it, or leave it out`,
    )
  }
  const requests = environment['STRIPE_REQUESTS_PER_SECOND']?.trim() ?? ''
  if (requests !== '' && !/^[1-9]\d{0,4}$/.test(requests)) {
    fault('STRIPE_REQUESTS_PER_SECOND', `expected a whole number from 1 to 99999, got "${requests}"`)
  }
  if (faults.length > 0 || baseUrl === null) return { faults }
  const isSandbox = /^[sr]k_test_/.test(secretKey)
  const requestsPerSecond = requests === '' ? null : Number(requests)
  return { config: { secretKey, webhookSecrets, baseUrl, isSandbox, requestsPerSecond } }
}

function baseUrlOf(text: string): URL | null {
  if (text === '') return new URL(ownUrl)
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain =
    url !== null &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.pathname === '/' &&
    url.search === '' &&
    url.username === ''
  return isPlain ? url : null
}
