const strict = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads bytes as text, exactly: a byte order mark at the start is left out.
 * @returns null when they are not UTF-8. Read leniently, each such byte becomes U+FFFD, and that would be written to the tools
 */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes)
  } catch {
    return null
  }
}

/**
 * Whether a text in it, a key included, holds half of a surrogate pair. JSON can spell that (`"\ud800"`), UTF-8 cannot: in the store two
 * such texts would be one.
 * @param json what JSON.parse has returned
 */
export function holdsLoneSurrogate(json: unknown): boolean {
  // No recursion: it may be nested as deeply as a megabyte allows.
  const left: unknown[] = [json]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value === 'string') {
      if (!value.isWellFormed()) return true
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        if (!key.isWellFormed()) return true
        left.push(inner)
      }
    }
  }
  return false
}
