import type { IncomingHttpHeaders } from 'node:http'

/** Which web pages may ask, and by which names this process may be called. */
export interface Callers {
  /** Whether a web page of this origin may ask, over HTTP or a websocket. */
  allowsOrigin(origin: string): boolean
  /** Whether a web page of this origin may send cookies and the like along, which a proxy before us may ask for. */
  allowsCredentials(origin: string): boolean
  /** Whether a GET may be answered without a header that a browser sends only where it was let to. */
  allowsGet(headers: IncomingHttpHeaders): boolean
  /** Whether a request may carry this `Host`. */
  allowsHost(host: string): boolean
}

export interface CallersOptions {
  /** The address listened on. */
  readonly host: string
  readonly publicUrl: string
  /** Origins of frontends that run in browsers. */
  readonly allowedOrigins: readonly string[]
  readonly isExplorable: boolean
}

/** Where Apollo serves Sandbox: as an app of its own, and as the frame in our page. */
const sandboxOrigins: ReadonlySet<string> = new Set([
  'https://studio.apollographql.com',
  'https://sandbox.embed.apollographql.com',
])

const thisMachine = /^(localhost|127\.0\.0\.1|\[::1\])$/

/**
 * In demo and development Sandbox and what runs on this machine may ask; otherwise the origins of the settings. Any other page
 * somebody happens to have open could read and change the tools' data.
 *
 * While only this machine is listened on, the `Host` must be an address, this machine's name or the public one: a page whose name
 * is pointed at this machine (DNS rebinding) would otherwise be its own origin here.
 */
export function openCallers({ host, publicUrl, allowedOrigins, isExplorable }: CallersOptions): Callers {
  const listened = new URL(publicUrl)
  const origins = new Set([listened.origin, ...allowedOrigins])
  const isLoopback = thisMachine.test(host) || host === '::1'
  const allowsOrigin = (origin: string): boolean =>
    origins.has(origin) || (isExplorable && (sandboxOrigins.has(origin) || isThisMachine(origin)))
  return {
    allowsOrigin,
    allowsCredentials: origin => allowedOrigins.includes(origin),
    // Any page can have a browser send a GET here. It cannot read the answer, but it could have our vendors' limits used up.
    allowsGet({ origin, 'sec-fetch-site': site, 'user-agent': agent = '' }) {
      if (origin !== undefined) return allowsOrigin(origin)
      if (site !== undefined) return site === 'same-origin' || site === 'none'
      // Every browser calls itself Mozilla and lets no page change that. It names no site where the address is plain HTTP, or when it is old.
      return !agent.startsWith('Mozilla/')
    },
    allowsHost(asked) {
      if (!isLoopback) return true
      // A name and a port, nothing else that a URL may hold.
      const { hostname } =
        /^[\w.:[\]-]+$/.test(asked) && URL.canParse(`http://${asked}`) ? new URL(`http://${asked}`) : { hostname: '' }
      return thisMachine.test(hostname) || hostname === listened.hostname || isAddress(hostname)
    },
  }
}

function isThisMachine(origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).origin === origin && thisMachine.test(new URL(origin).hostname)
}

/** A name is what a page can be given; an address is not. */
function isAddress(hostname: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname) || hostname.startsWith('[')
}
