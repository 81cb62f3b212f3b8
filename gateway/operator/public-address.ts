import { isIP } from 'node:net'

const example = 'https://graph.example.com'

/** @returns why no tool on the internet can call this address; null when it can */
export function reachFault(publicUrl: string | undefined): string | null {
  if (publicUrl === undefined) {
    return `PUBLIC_URL is not set: expected the https address at which the tool reaches this gateway, such as ${example}.`
  }
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.search !== '' || url.hash !== '') {
    return `PUBLIC_URL: expected an https address such as ${example}, got "${publicUrl}".`
  }
  if (url.protocol !== 'https:') return `PUBLIC_URL: tools call https addresses only, got "${publicUrl}".`
  if (isPrivate(url.hostname)) {
    return `PUBLIC_URL: no tool can reach "${url.hostname}" from outside: expected a public address such as ${example}. A tunnel gives this machine one.`
  }
  return null
}

/** Whether only this machine reaches it. */
export function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\./.test(host)
}

/** Addresses of this machine and of private networks (RFC 1918, 3927, 4193, 6598), and names that no public server resolves. */
function isPrivate(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  const version = isIP(bare)
  if (version === 4) return isPrivateV4(bare)
  if (version === 6) return /^(::1?$|f[cd]|fe[89ab])/i.test(bare)
  return !host.includes('.') || /\.(local|localhost|internal|lan|home\.arpa|test|invalid)$/.test(host)
}

function isPrivateV4(address: string): boolean {
  const [a = 0, b = 0] = address.split('.').map(Number)
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168)
  )
}
