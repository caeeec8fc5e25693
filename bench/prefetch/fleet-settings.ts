import { join } from 'node:path'
import type { PrefetchGround } from './prefetch-ground.ts'

const MB = 1e6
const HEARTBEAT_MS = 1000
const POLL_MS = 500
const SWEEP_MS = 3000

/** The seed's configuration. It is told what links carry as payload, as an operator who has measured them would tell it. */
export function seedSettings(ground: PrefetchGround, directory: string, port: number): object {
  const { lab, library, size, setup, goodput } = ground
  const { address: host } = lab.host('seed')
  const payload = (bytesPerSecond: number) => Math.round(bytesPerSecond * goodput)
  return {
    stateDirectory: join(directory, 'seed'),
    listen: { host, port },
    // Nodes send the token: what is measured here is not how they show who they are.
    tls: { enabled: false },
    library: {
      endpoint: library.url,
      limitBytesPerSecond: size.ingestMBPerSecond * MB,
      ...{ pollIntervalMs: POLL_MS, sweepIntervalMs: SWEEP_MS },
    },
    // No image here has a base: looking for one would take the machine's time from what is measured.
    layers: { automatic: false },
    swarm: { host, open: true },
    racks: { uplinkBytesPerSecond: payload(setup.uplinkBytesPerSecond ?? Number.NaN) },
    nodes: { heartbeatIntervalMs: HEARTBEAT_MS },
    prefetch: {
      seedLinkBytesPerSecond: payload(setup.seedBytesPerSecond),
      libraryBytesPerSecond: payload(size.libraryMBPerSecond * MB),
    },
    log: { level: 'warn' },
  }
}

export function peerSettings(
  { lab, setup, goodput }: PrefetchGround,
  directory: string,
  { node, seedUrl, apiPort }: { node: string; seedUrl: string; apiPort: number },
): object {
  const { address: host, zone = '', rack = '' } = lab.host(node)
  const bytesPerSecond = setup.peers.find((peer) => peer.node === node)?.bytesPerSecond
  return {
    ...{ node, zone, rack },
    linkBytesPerSecond: Math.round((bytesPerSecond ?? Number.NaN) * goodput),
    stateDirectory: join(directory, node),
    seed: { url: seedUrl, tokenFile: join(directory, 'seed', 'node.token') },
    swarm: { host, open: true },
    api: { host, port: apiPort },
    // All nodes share the machine's cores: what each would read back at leisure would be read back all at once.
    cache: { scrubBytesPerSecond: null },
    log: { level: 'warn' },
  }
}
