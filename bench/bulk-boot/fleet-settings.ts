import { join } from 'node:path'
import type { BootGround } from './boot-ground.ts'
import { PEER_API_PORT, SEED_API_PORT } from './lab-services.ts'

/**
 * The seed's configuration: intervals as they come. It is told what links carry as payload, as an operator who has measured them would tell
 * it.
 */
export function seedSettings({ lab, library, setup, goodput, bootCase }: BootGround, directory: string): object {
  const { address: host } = lab.host('seed')
  const payload = (bytesPerSecond: number) => Math.round(bytesPerSecond * goodput)
  const { uplinkBytesPerSecond: uplink } = setup
  return {
    stateDirectory: join(directory, 'seed'),
    listen: { host, port: SEED_API_PORT },
    // Nodes send the token: what is measured here is not how they show who they are.
    tls: { enabled: false },
    library: library.settings,
    swarm: { host, open: true },
    ...(uplink === undefined ? {} : { racks: { uplinkBytesPerSecond: payload(uplink) } }),
    prefetch: {
      seedLinkBytesPerSecond: payload(setup.seedBytesPerSecond),
      libraryBytesPerSecond: payload(bootCase.libraryMBPerSecond * 1e6),
    },
    log: { level: 'warn' },
  }
}

export function peerSettings({ lab, setup, goodput }: BootGround, directory: string, node: string): object {
  const { address: host, zone = '', rack = '' } = lab.host(node)
  const bytesPerSecond = setup.peers.find((peer) => peer.node === node)?.bytesPerSecond
  return {
    ...{ node, zone, rack },
    linkBytesPerSecond: Math.round((bytesPerSecond ?? Number.NaN) * goodput),
    stateDirectory: join(directory, node),
    seed: {
      url: `http://${lab.address('seed')}:${SEED_API_PORT}`,
      tokenFile: join(directory, 'seed', 'node.token'),
    },
    swarm: { host, open: true },
    api: { host, port: PEER_API_PORT },
    cache: {
      // All nodes share the machine's cores: what each would read back at leisure would be read back all at once.
      scrubBytesPerSecond: null,
      // Caches are emptied between boots: nothing may stay of what boots read.
      bootShare: 0,
    },
    log: { level: 'warn' },
  }
}
