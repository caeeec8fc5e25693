/** The host of `host:port`; one of IPv6 stands in brackets there. */
export function hostOfAddress(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
}
