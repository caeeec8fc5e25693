import { join } from 'node:path'
import type { Lab } from '../../infra/lab/lab.ts'
import { PEER_API_PORT, SEED_API_PORT } from '../bulk-boot/lab-services.ts'

const HEARTBEAT_MS = 1000
const POLL_MS = 500

export interface ColdSettings {
  readonly lab: Lab
  readonly directory: string
}

export function seedSettings({ lab, directory, libraryUrl }: ColdSettings & { libraryUrl: string }): object {
  const { address: host } = lab.host('seed')
  return {
    stateDirectory: join(directory, 'seed'),
    listen: { host, port: SEED_API_PORT },
    // Nodes send the token: what is measured here is not how they show who they are.
    tls: { enabled: false },
    library: { endpoint: libraryUrl, pollIntervalMs: POLL_MS },
    // No image here has a base: looking for one would take the machine's time from what is measured.
    layers: { automatic: false },
    swarm: { host, open: true },
    nodes: { heartbeatIntervalMs: HEARTBEAT_MS },
    log: { level: 'warn' },
  }
}

export function peerSettings({ lab, directory, node }: ColdSettings & { node: string }): object {
  const { address: host } = lab.host(node)
  return {
    node,
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
      // The node is emptied between rounds: nothing may stay of what was read.
      bootShare: 0,
    },
    log: { level: 'warn' },
  }
}
