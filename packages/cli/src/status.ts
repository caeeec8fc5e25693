import type { Overview, PeerStatus, SeedStatus } from '@shoal/api'
import { defineCommand } from './command.ts'
import { EXIT } from './exit-code.ts'
import { formatBytes } from './format/bytes.ts'
import { formatAgo } from './format/duration.ts'
import { formatFacts } from './format/table.ts'
import { LIMIT_NAMES } from './limits/limit-names.ts'
import { formatLimit } from './limits/rate.ts'
import { formatLayers } from './node/layer-table.ts'
import { describeHealth, describeOverview } from './overview/describe-overview.ts'

export const status = defineCommand({
  usage: 'status',
  summary: 'Show whether the swarm is healthy and why not, and the seed at a glance; or a peer.',
  options: {
    peer: { type: 'string', requiresArg: true, describe: "URL of a peer's own API; the seed when absent" },
  },
  examples: [
    ['status --json', 'the same for scripts: .overview.health.verdict'],
    ['status --peer http://127.0.0.2:7421', 'a peer at a glance'],
  ],
  run: async (context, args) => {
    const { output, signal, clock } = context
    if (args.peer === undefined) {
      const [overview, seed] = await Promise.all([
        context.client.overview({ signal }),
        context.client.status({ signal }),
      ])
      output.show({ ...seed, overview }, () => formatSeed(overview, seed, clock.now()))
    } else {
      const peer = await context.peerAt(args.peer).localStatus({ signal })
      output.show(peer, () => formatPeer(peer, clock.now()))
    }
    return EXIT.ok
  },
})

function formatSeed(overview: Overview, seed: SeedStatus, now: number): string {
  const { swarm, tracker, dht, layers } = seed
  return formatFacts([
    ...describeHealth(overview),
    ...describeOverview(overview),
    ['layers', `${layers.published} published, ${layers.withdrawn} withdrawn`],
    ['version', `${seed.version}, started ${formatAgo(seed.startedAt, now)}`],
    ['public key', seed.publicKey],
    ['origin', `${swarm.address}, ${swarm.connections} connections`],
    [
      'tracker',
      tracker.enabled ? `${tracker.announceUrls.join(', ')}, ${tracker.peers} announced, counted per layer` : 'off',
    ],
    ['dht', dht.enabled ? `${dht.address ?? 'not bound'}, ${dht.nodes} nodes` : 'off'],
  ])
}

function formatPeer(peer: PeerStatus, now: number): string {
  const facts = formatFacts([
    ['peer', `${peer.node}, version ${peer.version}, started ${formatAgo(peer.startedAt, now)}`],
    ['seed', `${peer.seedUrl}, ${peer.seedReachable ? 'reachable' : 'NOT REACHABLE'}`],
    ['registered', peer.registered ? 'yes' : 'no'],
    ...(peer.mode === undefined ? [] : [['mode', describeToldMode(peer.mode)] as const]),
    ['swarm', peer.swarmAddress],
    ['', peer.reachability],
    ['dht', peer.dhtAddress ?? 'off'],
    ['disk', `${formatBytes(peer.diskUsedBytes)} used, ${formatBytes(peer.diskFreeBytes)} free`],
    ['limits', heldLimits(peer.limits.effective)],
    ['banned', peer.banned.length === 0 ? 'nobody' : ''],
    ...peer.banned.map((ban): [string, string] => ['', `${ban.address} at ${ban.at}: ${ban.reason}`]),
  ])
  return `${facts}\n\n${formatLayers(peer.layers)}`
}

function describeToldMode({ mode, reason }: NonNullable<PeerStatus['mode']>): string {
  const what = { active: '', draining: ': it fetches nothing new', quarantined: ': it gives nothing to other nodes' }
  return `${mode}${what[mode]}${reason === '' ? '' : ` (${reason})`}`
}

function heldLimits(limits: PeerStatus['limits']['effective']): string {
  const held = LIMIT_NAMES.flatMap(({ name, field }) => {
    const limit = field.of === 'node' ? limits[field.key] : null
    return limit === null ? [] : [`${name} ${formatLimit(limit)}`]
  })
  return held.join(', ') || 'none'
}
