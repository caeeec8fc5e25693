/** One name for a host: a socket that listens on IPv6 as well shows IPv4 addresses inside IPv6 ones. */
export function plainHost(host: string): string {
  return host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : host
}
