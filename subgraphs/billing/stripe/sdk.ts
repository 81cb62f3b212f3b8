import type Stripe from 'stripe'

type Sdk = typeof Stripe

let loaded: Sdk | null = null

/** The SDK is loaded with the first call: it is 200 files, and a start must not wait for them. */
export async function loadSdk(): Promise<Sdk> {
  loaded ??= (await import('stripe')).default
  return loaded
}

/** Null before the first call, when no error can be the SDK's either. */
export function loadedSdk(): Sdk | null {
  return loaded
}
