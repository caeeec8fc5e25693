import { isIP } from 'node:net'
import type { RefusedNode } from '@shoal/api'
import { modeOf } from './node-mode.ts'
import type { NodeRecord } from './node-record.ts'
import { hostOfAddress } from './swarm-host.ts'

/**
 * The nodes in quarantine, by name, as others are told of them. One is told by its address too, unless that is also the
 * origin's or that of a node that takes part, or may be: whoever refuses the address would refuse these.
 */
export function refusedNodes(records: readonly NodeRecord[], originHost: string): RefusedNode[] {
  const quarantined = records.filter((record) => modeOf(record) === 'quarantined')
  if (quarantined.length === 0) return []
  const hosts = new Set([originHost])
  for (const record of records) if (modeOf(record) !== 'quarantined') hosts.add(hostOf(record))
  // What is behind a name nobody knows here.
  const isKnown = (host: string) => isIP(host) !== 0 && isIP(originHost) !== 0
  return quarantined
    .map((record) => ({ node: record.id, host: hostOf(record) }))
    .map(({ node, host }) => ({ node, host: isKnown(host) && !hosts.has(host) ? host : null }))
    .sort((a, b) => (a.node < b.node ? -1 : 1))
}

function hostOf({ registration: { swarmAddress } }: NodeRecord): string {
  return hostOfAddress(swarmAddress)
}
