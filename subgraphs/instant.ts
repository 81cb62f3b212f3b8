const firstMs = Date.parse('0001-01-01T00:00:00.000Z')
const lastMs = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * Whether an instant has a year of 1 to 9999. ISO 8601 writes others in a longer form (`+010000-…`), which most readers of times refuse, the
 * scalar `DateTime` among them. Such a value of a vendor's costs its field.
 */
export function isInstant(date: Date): boolean {
  return date.getTime() >= firstMs && date.getTime() <= lastMs
}
