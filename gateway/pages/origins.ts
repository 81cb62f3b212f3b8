/** Where Apollo serves Sandbox: as an app of its own, and as the frame in our page. */
const sandboxOrigins: ReadonlySet<string> = new Set([
  'https://studio.apollographql.com',
  'https://sandbox.embed.apollographql.com',
])

/**
 * Whether a web page of this origin may ask in demo and development: Sandbox, and what runs on this machine. Any other page
 * somebody happens to have open could otherwise read and change the tools' data.
 */
export function isExploringOrigin(origin: string): boolean {
  return sandboxOrigins.has(origin) || /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/.test(origin)
}
