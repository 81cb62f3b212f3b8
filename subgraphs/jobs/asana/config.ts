import type { Environment, SettingDoc, SettingFault } from '../../contract.ts'

/** What of an Asana account is the business's jobs, and how to get there. */
export interface AsanaConfig {
  readonly accessToken: string
  readonly requestsPerMinute: number
  /** Without a trailing slash; the API stands below at `/api/1.0`. */
  readonly baseUrl: string
  /** Gids. New jobs go to the first; where a task stands in several, the first of them gives its stage. */
  readonly projects: readonly [string, ...string[]]
  /** Gid of the custom field that names the customer. */
  readonly customerField: string
  /** Gid of the custom field that names the order; null when the business keeps none. */
  readonly orderField: string | null
  /** Gid of the enum custom field that is the stage; null when the sections of the project are. */
  readonly statusField: string | null
  /** Name or gid of the stage that jobs are moved to when they are completed; null when they stay where they are. */
  readonly doneStage: string | null
}

const paidPerMinute = 1500

const publicBaseUrl = 'https://app.asana.com'

export const settings: readonly SettingDoc[] = [
  {
    name: 'ASANA_ACCESS_TOKEN',
    help: 'Personal access token of a user who can edit the projects: Asana, Settings, Apps, Developer apps.',
    example: '2/1200000000000001/1200000000000002:0123456789abcdef',
    isRequired: true,
    isSecret: true,
  },
  {
    name: 'ASANA_PROJECTS',
    help: 'Gids of the projects whose tasks are jobs, separated by commas; the number in the address of a project. New jobs go to the first.',
    example: '1200000000000099',
    isRequired: true,
    isSecret: false,
  },
  {
    name: 'ASANA_CUSTOMER_FIELD',
    help: 'Gid of the text custom field that names the customer: its id in the CRM, the id of a linked record, or its e-mail.',
    example: '1200000000000123',
    isRequired: true,
    isSecret: false,
  },
  {
    name: 'ASANA_ORDER_FIELD',
    help: 'Gid of the text custom field that names the order: its id in billing, or the number printed on it. Without it jobs have no order.',
    example: '1200000000000124',
    isRequired: false,
    isSecret: false,
  },
  {
    name: 'ASANA_STATUS',
    help: 'What a job\'s stage is: "section", the section of the project it stands in, or the gid of an enum custom field.',
    example: 'section',
    isRequired: false,
    isSecret: false,
  },
  {
    name: 'ASANA_DONE_STAGE',
    help: 'The stage that completeJob moves a job to: name or gid of a section or enum option. Without it the job stays in its stage.',
    example: 'Done',
    isRequired: false,
    isSecret: false,
  },
  {
    name: 'ASANA_REQUESTS_PER_MINUTE',
    help: 'How many requests this gateway may send in a minute with its token. A paid plan allows 1500 (Asana has custom fields in paid plans), a free one 150. To be set lower where others use the same token.',
    example: '1500',
    isRequired: false,
    isSecret: false,
  },
  {
    name: 'ASANA_BASE_URL',
    help: "The address of Asana's API, without /api/1.0. Leave it out unless a proxy or a stand-in answers in its place.",
    example: publicBaseUrl,
    isRequired: false,
    isSecret: false,
  },
]

export type ReadConfig =
  { readonly ok: true; readonly config: AsanaConfig } | { readonly ok: false; readonly faults: readonly SettingFault[] }

/** Reads the settings. An empty one counts as missing. @returns all faults at once */
export function readConfig(environment: Environment): ReadConfig {
  const faults: SettingFault[] = []
  const accessToken = required('ASANA_ACCESS_TOKEN', 'create a personal access token in Asana, Settings, Apps')
  if (/[^\x21-\x7e]/.test(accessToken))
    fault('ASANA_ACCESS_TOKEN', 'expected one word, got a text with white space or control characters: copy it again')
  const [firstProject, ...otherProjects] = readProjects()
  const customerField = readGid(
    'ASANA_CUSTOMER_FIELD',
    required('ASANA_CUSTOMER_FIELD', 'give the gid of the custom field'),
  )
  const orderField = readGid('ASANA_ORDER_FIELD', optional('ASANA_ORDER_FIELD'))
  const status = optional('ASANA_STATUS')
  const statusField = status === 'section' ? '' : readGid('ASANA_STATUS', status, 'expected "section" or a gid')
  const requestsPerMinute = readRequests()
  const baseUrl = readBaseUrl()

  if (faults.length > 0 || firstProject === undefined) return { ok: false, faults }
  return {
    ok: true,
    config: {
      accessToken,
      requestsPerMinute,
      baseUrl,
      projects: [firstProject, ...otherProjects],
      customerField,
      orderField: orderField === '' ? null : orderField,
      statusField: statusField === '' ? null : statusField,
      doneStage: optional('ASANA_DONE_STAGE') || null,
    },
  }

  function readProjects(): readonly string[] {
    const text = required('ASANA_PROJECTS', 'give the gid of the project whose tasks are jobs')
    const gids = text.split(',').map(part => part.trim())
    for (const gid of text === '' ? [] : gids) readGid('ASANA_PROJECTS', gid, 'expected gids separated by commas')
    return [...new Set(gids)]
  }

  function readRequests(): number {
    const text = optional('ASANA_REQUESTS_PER_MINUTE')
    if (text === '') return paidPerMinute
    // A batch of ten reads must fit.
    if (/^[1-9]\d{1,5}$/.test(text)) return Number(text)
    fault('ASANA_REQUESTS_PER_MINUTE', `expected a whole number from 10 to 999999, got "${text}"`)
    return paidPerMinute
  }

  function readBaseUrl(): string {
    const text = optional('ASANA_BASE_URL')
    if (text === '') return publicBaseUrl
    if (/^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : '')) return text.replace(/\/+$/, '')
    fault(
      'ASANA_BASE_URL',
      `expected an http or https address such as ${publicBaseUrl}, got another form: correct it, or leave it out`,
    )
    return ''
  }

  function readGid(name: string, text: string, expected = 'expected a gid (digits only)'): string {
    if (text === '' && name !== 'ASANA_PROJECTS') return ''
    if (!isGid(text)) fault(name, `${expected}, got "${text}": copy the number from the address in Asana`)
    return text
  }

  function required(name: string, todo: string): string {
    const text = optional(name)
    if (text === '') fault(name, `is missing: ${todo}`)
    return text
  }

  function optional(name: string): string {
    return environment[name]?.trim() ?? ''
  }

  function fault(name: string, problem: string): void {
    faults.push({ name, message: `${name} ${problem}` })
  }
}

/** Asana's ids are decimal numbers as text. Source: Asana API reference, object hierarchy. */
export function isGid(text: string): boolean {
  return /^(0|[1-9]\d{0,31})$/.test(text)
}
