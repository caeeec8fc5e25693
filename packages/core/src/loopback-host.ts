import { isIP } from 'node:net'

/** Whether an address to listen on is reached from this machine alone. A name other than localhost may be anybody's. */
export function isLoopbackHost(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '').toLowerCase()
  if (address === 'localhost' || address === '::1') return true
  const version4 = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  return isIP(version4) === 4 && version4.startsWith('127.')
}
