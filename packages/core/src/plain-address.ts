/** An address as people write it: IPv4 without the prefix that sockets for both kinds show. Empty when there is none. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
}
