/** ISO 3166-1 alpha-2, the codes in use. */
const codes = new Set(
  (
    'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG ' +
    'CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL ' +
    'GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA ' +
    'LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP ' +
    'NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV ' +
    'SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW'
  ).split(' '),
)

/** Languages in which names of countries are known. */
const languages = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'pl', 'sv', 'da', 'nb', 'fi', 'cs'] as const

/** Names in use that are none of the official ones. */
const furtherNames: readonly (readonly [string, string])[] = [
  ['usa', 'US'],
  ['us of a', 'US'],
  ['united states of america', 'US'],
  ['america', 'US'],
  ['uk', 'GB'],
  ['great britain', 'GB'],
  ['britain', 'GB'],
  ['england', 'GB'],
  ['scotland', 'GB'],
  ['wales', 'GB'],
  ['northern ireland', 'GB'],
  ['republic of ireland', 'IE'],
  ['holland', 'NL'],
  ['czech republic', 'CZ'],
  ['turkey', 'TR'],
  ['ivory coast', 'CI'],
  ['russian federation', 'RU'],
  ['korea', 'KR'],
  ['republic of korea', 'KR'],
  ['uae', 'AE'],
  ['brd', 'DE'],
]

let names: ReadonlyMap<string, string> | null = null

/**
 * The two-letter code of a country that is given as a code or a name, as CRMs have it: `de`, `Deutschland`, `U.S.A.`.
 * @returns null when it is neither
 */
export function countryCode(text: string | null | undefined): string | null {
  const name = normal(text ?? '')
  const code = name.toUpperCase()
  if (codes.has(code)) return code
  names ??= namesOfCountries()
  return names.get(name) ?? null
}

function namesOfCountries(): ReadonlyMap<string, string> {
  const found = new Map(furtherNames)
  for (const language of languages) {
    const display = new Intl.DisplayNames([language], { type: 'region', fallback: 'none' })
    for (const code of codes) {
      const name = display.of(code)
      if (name !== undefined && !found.has(normal(name))) found.set(normal(name), code)
    }
  }
  return found
}

/** Without accents, signs and case: `Côte d’Ivoire` and `Cote d'Ivoire` are one name. */
function normal(text: string): string {
  const plain = text.normalize('NFD').replace(/\p{M}/gu, '').replaceAll('.', '')
  return plain
    .replace(/[^\p{L}]+/gu, ' ')
    .trim()
    .toLowerCase()
    .replace(/^the /, '')
}
