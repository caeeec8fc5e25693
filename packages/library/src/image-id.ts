import { createHash } from 'node:crypto'

// A fixed random namespace of our own, as RFC 9562 section 5.5 asks for.
const NAMESPACE = Buffer.from('7e0e0a5b5d1f4c0c9a3c2f6d8b41e9a7', 'hex')

/**
 * The id of an image: a UUID version 5 of file name and content, so that it survives restarts and copies, and so
 * that other bytes under the same name are another image (bytes under a Glance id never change).
 */
export function imageId(fileName: string, sha512: string): string {
  const hash = createHash('sha1').update(NAMESPACE).update(fileName).update('\0').update(sha512).digest()
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80
  const hex = hash.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
