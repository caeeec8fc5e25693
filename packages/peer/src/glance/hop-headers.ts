/** Header lines as they were sent: name, value, name, value. */
export type RawHeaders = readonly string[]

/** Of one connection, not of the message (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
])

/**
 * The lines of a message that go on, in their order and spelling; those that its `Connection` names stay behind too.
 */
export function endToEnd(headers: RawHeaders, without: ReadonlySet<string> = new Set()): string[] {
  const named = new Set(
    values(headers, 'connection').flatMap((value) => value.split(',').map((name) => name.trim().toLowerCase())),
  )
  return headerLines(headers).flatMap(([name, value]) => {
    const lower = name.toLowerCase()
    return HOP_BY_HOP.has(lower) || named.has(lower) || without.has(lower) ? [] : [name, value]
  })
}

/** All values of a header. */
export function values(headers: RawHeaders, name: string): string[] {
  return headerLines(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? [value] : []))
}

/** The lines as pairs. */
export function headerLines(headers: RawHeaders): (readonly [name: string, value: string])[] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < headers.length; at += 2) pairs.push([headers[at] ?? '', headers[at + 1] ?? ''])
  return pairs
}
