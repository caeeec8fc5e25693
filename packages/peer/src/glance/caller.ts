import { createHmac, randomBytes } from 'node:crypto'
import { endToEnd, headerLines, type RawHeaders } from './hop-headers.ts'

/**
 * Lines that say nothing of who asks. All others may: the token, a service's token, or what a proxy in front of Glance
 * adds.
 */
const INDIFFERENT = new Set([
  ...['accept', 'accept-encoding', 'accept-language', 'user-agent', 'cache-control', 'pragma'],
  ...['content-type', 'content-length', 'range', 'x-openstack-request-id'],
])

/**
 * Names callers without keeping what they prove themselves by: the same name for the same identity, as long as the
 * process runs.
 */
export class CallerNames {
  readonly #key = randomBytes(32)

  nameOf(headers: RawHeaders): string {
    const lines = headerLines(endToEnd(headers, INDIFFERENT)).map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    return createHmac('sha256', this.#key).update(JSON.stringify(lines.sort())).digest('base64url')
  }
}

/** What a caller's own request for other data of Glance begins with: who it is, and nothing of what it asked for. */
export function callerHeaders(headers: RawHeaders): string[] {
  return [...endToEnd(headers, INDIFFERENT), 'Accept', '*/*', 'Accept-Encoding', 'identity']
}
