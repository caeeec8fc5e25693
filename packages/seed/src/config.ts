import type { ConfigDefaults } from '@shoal/service'
import { LOG_LEVELS } from '@shoal/service'
import { type Static, Type } from 'typebox'

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.String({ minLength: 1, maxLength: 4096, description })
const host = (description: string) => Type.String({ minLength: 1, maxLength: 255, description })
const port = (description: string) => Type.Integer({ minimum: 0, maximum: 65_535, description })
const bytes = (description: string) =>
  Type.Integer({ minimum: 1, maximum: 16 * 1024 ** 4, description: `${description} Bytes.` })
const rate = (description: string) => Type.Integer({ minimum: 1024, description: `${description} Bytes per second.` })
const milliseconds = (description: string) =>
  Type.Integer({ minimum: 10, maximum: 86_400_000, description: `${description} Milliseconds.` })
const count = (minimum: number, maximum: number, description: string) => Type.Integer({ minimum, maximum, description })

const ImportRule = Type.Object(
  {
    visibility: Type.Optional(Type.Enum(['public', 'private', 'shared', 'community'])),
    tag: Type.Optional(Type.String({ maxLength: 255 })),
    property: Type.Optional(Type.String({ maxLength: 1000 })),
  },
  strict,
)

/** Configuration of the seed. */
export const SeedConfig = Type.Object(
  {
    dataDirectory: text('Where state, layers, the signing key and the tokens are kept.'),
    logLevel: Type.Enum([...LOG_LEVELS], { description: 'Least severity that is logged.' }),
    name: Type.String({
      pattern: '^[a-z0-9][a-z0-9.-]{0,252}$',
      description: 'Name of the origin in the swarm, as peers show it.',
    }),
    listen: Type.Object(
      {
        host: host('Address of the HTTP API.'),
        port: port('Port of the HTTP API; 0 takes a free one.'),
      },
      strict,
    ),
    tokens: Type.Object(
      {
        operatorFile: Type.Optional(
          text("File with the operators' token; operator.token in dataDirectory when absent. Made when missing."),
        ),
        nodeFile: Type.Optional(
          text("File with the nodes' token; node.token in dataDirectory when absent. Made when missing."),
        ),
      },
      strict,
    ),
    library: Type.Object(
      {
        directory: Type.Optional(text('Directory of images to serve as an embedded library, in place of OpenStack.')),
        endpoint: Type.Optional(text('URL of a Glance that needs no Keystone.')),
        cloud: Type.Optional(text('Cloud of clouds.yaml; OS_* variables, or its only cloud, when absent.')),
        limitBytesPerSecond: Type.Optional(rate('Limit on reading image data, over all imports; none when absent.')),
        pollIntervalMs: milliseconds('Time between two looks at new and changed images.'),
        sweepIntervalMs: milliseconds('Time between two looks at all images, which find deleted ones.'),
      },
      strict,
    ),
    images: Type.Object(
      {
        maxImageBytes: bytes('Largest image file that is imported.'),
        maxVirtualBytes: bytes('Largest disk an image may have.'),
      },
      strict,
    ),
    imports: Type.Object(
      {
        rules: Type.Array(ImportRule, {
          maxItems: 100,
          description:
            'Images to import without being asked: one rule must hold, in it all of visibility, tag and property (name or name=value).',
        }),
        queueLength: count(1, 100_000, 'Imports that may wait.'),
        concurrency: count(1, 16, 'Imports that run at once; the limit holds over all of them.'),
        attempts: count(1, 100, 'Attempts of one import while the library cannot be reached.'),
      },
      strict,
    ),
    swarm: Type.Object(
      {
        host: host('Address that the origin, tracker and DHT node listen on: the storage network.'),
        port: port('TCP port of the origin; 0 takes a free one.'),
        advertiseHost: Type.Optional(host('Host name or address that nodes are told; swarm.host when absent.')),
        upBytesPerSecond: Type.Optional(rate('Limit on what the origin sends; none when absent.')),
      },
      strict,
    ),
    tracker: Type.Object(
      {
        enabled: Type.Boolean({ description: 'Whether the tracker runs.' }),
        port: port('TCP and UDP port of the tracker; 0 takes a free one.'),
        announceIntervalMs: milliseconds('Time between two announces of a peer.'),
      },
      strict,
    ),
    dht: Type.Object(
      {
        enabled: Type.Boolean({ description: 'Whether the DHT bootstrap node runs.' }),
        port: port('UDP port of the DHT node; 0 takes a free one.'),
      },
      strict,
    ),
    nodes: Type.Object(
      {
        heartbeatIntervalMs: milliseconds("Time between a node's heartbeats."),
        lostAfterHeartbeats: count(1, 100, 'Heartbeats missed before a node counts as lost.'),
        reachabilityIntervalMs: milliseconds("Time between two connects to a node's swarm address."),
        limit: count(1, 1_000_000, 'Nodes that may register.'),
      },
      strict,
    ),
    events: Type.Object({ limit: count(100, 10_000_000, 'Events that are kept; older ones are dropped.') }, strict),
  },
  strict,
)
export type SeedConfig = Static<typeof SeedConfig>

const GIB = 1024 ** 3

export const seedDefaults = {
  dataDirectory: '/var/lib/shoal/seed',
  logLevel: 'info',
  name: 'seed',
  listen: { host: '127.0.0.1', port: 7460 },
  tokens: {},
  library: { pollIntervalMs: 15_000, sweepIntervalMs: 300_000 },
  images: { maxImageBytes: 256 * GIB, maxVirtualBytes: 2048 * GIB },
  imports: { rules: [], queueLength: 1000, concurrency: 2, attempts: 8 },
  swarm: { host: '127.0.0.1', port: 7461 },
  tracker: { enabled: true, port: 7462, announceIntervalMs: 30_000 },
  dht: { enabled: true, port: 7463 },
  nodes: { heartbeatIntervalMs: 5000, lostAfterHeartbeats: 4, reachabilityIntervalMs: 60_000, limit: 10_000 },
  events: { limit: 10_000 },
} as const satisfies ConfigDefaults<SeedConfig>
