import type { Environment, SettingDoc, SettingFault } from '../../contract.ts'

/** How this installation reaches its HubSpot account. */
export interface HubspotSettings {
  readonly accessToken: string
  /** Webhook signing keys, newest first; two while the secret is being rotated. None: nothing is pushed. */
  readonly clientSecrets: readonly string[]
  /** Without a trailing slash. */
  readonly baseUrl: string
  /** Null to go by what HubSpot says of the account. */
  readonly requestsPerTenSeconds: number | null
}

/** What the product reads and writes. */
export const scopes = [
  'crm.objects.contacts.read',
  'crm.objects.contacts.write',
  'crm.objects.companies.read',
  'crm.schemas.contacts.read',
] as const

export const settings: readonly SettingDoc[] = [
  {
    name: 'HUBSPOT_ACCESS_TOKEN',
    help: `Access token of a project app (npm run connect -- hubspot --out <folder> writes its project), of a legacy private app, or a service key. Scopes: ${scopes.join(', ')}.`,
    example: 'pat-eu1-00000000-0000-0000-0000-000000000000',
    isRequired: true,
    isSecret: true,
  },
  {
    name: 'HUBSPOT_CLIENT_SECRET',
    help: 'Client secret of the same app; it signs the webhooks. While it is rotated: the new one, a comma, the old one. Without it, as with a service key, nothing is pushed: what changed is found every SWEEP_EVERY_SECONDS.',
    example: '00000000-0000-0000-0000-000000000000',
    isRequired: false,
    isSecret: true,
  },
  {
    name: 'HUBSPOT_REQUESTS_PER_10_SECONDS',
    help: 'How many requests this gateway may send in 10 s. The plan allows 100 (Free, Starter) or 190 (Professional, Enterprise) for each app; when not given it is what HubSpot says. To be set lower where others use the same token.',
    example: '190',
    isRequired: false,
    isSecret: false,
  },
  {
    name: 'HUBSPOT_BASE_URL',
    help: "The address of HubSpot's API. Leave it out unless a proxy or a stand-in answers in its place.",
    example: 'https://api.hubapi.com',
    isRequired: false,
    isSecret: false,
  },
]

const defaultBaseUrl = 'https://api.hubapi.com'

const where =
  "in HubSpot under Development > Projects > the app > Distribution (npm run connect -- hubspot --out <folder> makes the app); a legacy app's under Development > Legacy apps > Auth"

/** Reads the settings. Empty text counts as missing. @returns all faults at once */
export function parseSettings(
  environment: Environment,
):
  | { readonly ok: true; readonly settings: HubspotSettings }
  | { readonly ok: false; readonly faults: readonly SettingFault[] } {
  const faults: SettingFault[] = []
  const fault = (name: string, message: string): void => {
    faults.push({ name, message: `${name} ${message}` })
  }

  const accessToken = environment['HUBSPOT_ACCESS_TOKEN']?.trim() ?? ''
  if (accessToken === '') fault('HUBSPOT_ACCESS_TOKEN', `is missing: copy the app's access token, ${where}.`)
  else if (!isHeaderText(accessToken)) {
    fault(
      'HUBSPOT_ACCESS_TOKEN',
      `expected one word such as pat-eu1-…, got a text with a space or an unusual character: copy it again, ${where}.`,
    )
  }

  const clientSecrets = (environment['HUBSPOT_CLIENT_SECRET'] ?? '')
    .split(',')
    .map(secret => secret.trim())
    .filter(secret => secret !== '')

  const baseUrl = (environment['HUBSPOT_BASE_URL']?.trim() || defaultBaseUrl).replace(/\/+$/, '')
  if (!isWebAddress(baseUrl)) {
    fault(
      'HUBSPOT_BASE_URL',
      `expected an http or https address such as ${defaultBaseUrl}, got another form: correct it, or leave it out`,
    )
  }

  const requests = environment['HUBSPOT_REQUESTS_PER_10_SECONDS']?.trim() ?? ''
  if (requests !== '' && !/^[1-9]\d{0,5}$/.test(requests)) {
    fault('HUBSPOT_REQUESTS_PER_10_SECONDS', `expected a whole number from 1, got "${requests}"`)
  }
  const requestsPerTenSeconds = requests === '' ? null : Number(requests)

  return faults.length === 0
    ? { ok: true, settings: { accessToken, clientSecrets, baseUrl, requestsPerTenSeconds } }
    : { ok: false, faults }
}

function isHeaderText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
