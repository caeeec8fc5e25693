/** What Glance says of an image whose data may be read. */
export interface ImageFacts {
  readonly id: string
  readonly sizeBytes: number
  readonly osHashAlgo: string
  /** Hexadecimal, lower case. */
  readonly osHashValue: string
}

/**
 * What an answer to `GET /v2/images/{id}` says; `undefined` unless the image is active and its bytes are vouched for.
 */
export function readImageFacts(id: string, text: string): ImageFacts | undefined {
  const image = parseObject(text)
  const { status, size, os_hash_algo: algorithm, os_hash_value: hash } = image
  if (image.id !== id || status !== 'active' || typeof algorithm !== 'string' || typeof hash !== 'string')
    return undefined
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1) return undefined
  return { id, sizeBytes: size, osHashAlgo: algorithm, osHashValue: hash.toLowerCase() }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
