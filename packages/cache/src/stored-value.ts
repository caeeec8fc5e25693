/** Whether a stored value has fields. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a stored value is a number from 0 to 1. */
export function isPart(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1
}
