import { isIPv4, isIPv6 } from 'node:net'

/** An address as trackers hand it out: 4 bytes of IPv4 (BEP 23) or 16 of IPv6 (BEP 7), then the port; `undefined` when `ip` is neither. */
export function compactAddress(ip: string, port: number): Uint8Array | undefined {
  const bytes = isIPv4(ip) ? ip.split('.').map(Number) : isIPv6(ip) ? ipv6Bytes(ip) : undefined
  return bytes === undefined ? undefined : Uint8Array.from([...bytes, port >> 8, port & 0xff])
}

function ipv6Bytes(ip: string): number[] | undefined {
  // The URL parser writes an embedded IPv4 address in hexadecimal; a scope (`%eth0`) means nothing to others.
  const url = `http://[${ip}]/`
  if (!URL.canParse(url)) return undefined
  const [left = '', right] = new URL(url).hostname.slice(1, -1).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const head = groups(left)
  const tail = groups(right ?? '')
  const gap = Array<number>(8 - head.length - tail.length).fill(0)
  return [...head, ...gap, ...tail].flatMap((group) => [group >> 8, group & 0xff])
}
