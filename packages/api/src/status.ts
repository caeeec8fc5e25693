import { type Static, Type } from 'typebox'
import { address, bytes, count, digest, nodeId, nullable, rate, text, time } from './field.ts'
import { NodeLimits } from './limits.ts'
import { LayerInventory, MAX_NODE_LAYERS } from './node.ts'
import { ToldNodeMode } from './node-mode.ts'

/** The most signing keys that a node trusts at a time. */
const MAX_TRUSTED_KEYS = 1025

export const SeedStatus = Type.Object(
  {
    version: text("Version of the seed's software.", 100),
    startedAt: time('When the seed started.'),
    publicKey: text('Key that signs manifests: Ed25519, base64url.', 100),
    library: Type.Object(
      {
        endpoint: text('URL of the image library.', 500),
        reachable: Type.Boolean({ description: 'Whether the last request was answered.' }),
        limitBytesPerSecond: nullable(rate('Limit on reading; null when there is none.')),
        readBytes: bytes('Image data read since the start.'),
        requests: count('Requests for image data since the start.'),
        rateBytesPerSecond: rate('Present rate of reading.'),
      },
      { description: 'The image library and what it was asked for.' },
    ),
    swarm: Type.Object(
      {
        address: address('Where the origin serves blocks.'),
        uploadedBytes: bytes('Sent since the start.'),
        upBytesPerSecond: rate('Present rate of sending.'),
        connections: count('Peers connected.'),
      },
      { description: 'The origin.' },
    ),
    tracker: Type.Object(
      {
        enabled: Type.Boolean({ description: 'Whether the tracker runs.' }),
        announceUrls: Type.Array(text('An announce URL.', 500), { maxItems: 16 }),
        peers: count('Peers it knows, over all layers.'),
      },
      { description: 'The tracker.' },
    ),
    dht: Type.Object(
      {
        enabled: Type.Boolean({ description: 'Whether the DHT node runs.' }),
        address: nullable(address('Its address (UDP).')),
        nodes: count('Nodes in its routing table.'),
      },
      { description: 'The DHT bootstrap node.' },
    ),
    images: Type.Object({
      total: count('Images known.'),
      published: count('Images published as a layer.'),
      importing: count('Imports queued or running.'),
      failed: count('Images whose last import failed.'),
    }),
    layers: Type.Object({ published: count('Layers published.'), withdrawn: count('Layers withdrawn.') }),
    nodes: Type.Object({
      ready: count('Nodes that are well.'),
      unreachable: count('Nodes whose swarm address does not answer.'),
      lost: count('Nodes without heartbeats.'),
      away: count('Nodes that were drained and are gone, whom nobody misses; of no other state.'),
    }),
    modes: Type.Object(
      {
        active: count('Nodes that take part.'),
        draining: count('Nodes that drain.'),
        quarantined: count('Nodes in quarantine.'),
      },
      { description: 'All nodes, by mode.' },
    ),
  },
  { description: 'The seed at a glance.' },
)
export type SeedStatus = Static<typeof SeedStatus>

export const PeerLayer = Type.Object(
  { ...LayerInventory.properties, path: text('The layer file on this node.', 4096) },
  { description: 'What this node holds of one layer, and where.' },
)
export type PeerLayer = Static<typeof PeerLayer>

export const Ban = Type.Object(
  {
    address: text('Address of the peer that was banned.', 300),
    layer: digest('The layer it sent bad data for.'),
    at: time('When.'),
    reason: text('Why.'),
  },
  { description: 'A peer this node talks to no more.' },
)
export type Ban = Static<typeof Ban>

export const PeerStatus = Type.Object(
  {
    node: nodeId('Name of this node.'),
    version: text('Version of the software.', 100),
    startedAt: time('When the daemon started.'),
    seedUrl: text('Where the seed is.', 500),
    registered: Type.Boolean({ description: 'Whether the seed has accepted the registration.' }),
    seedReachable: Type.Boolean({ description: 'Whether the last request to the seed was answered.' }),
    reachability: text('What the seed found when it tried to connect to this node.'),
    swarmAddress: address('Where other nodes reach this one for blocks.'),
    dhtAddress: nullable(address('The DHT address (UDP).')),
    layers: Type.Array(PeerLayer, { maxItems: MAX_NODE_LAYERS, description: 'Every layer held or wanted.' }),
    banned: Type.Array(Ban, { maxItems: 1000, description: 'Peers banned, the latest last.' }),
    diskFreeBytes: bytes('Free on the file system of the layers.'),
    diskUsedBytes: bytes('Used by layers.'),
    trustedKeys: Type.Optional(
      Type.Array(
        Type.Object({
          publicKey: text('Ed25519, base64url.', 100),
          until: nullable(time('Until when it is trusted beside its successor; null of the newest.')),
        }),
        { maxItems: MAX_TRUSTED_KEYS, description: 'Keys whose signatures on manifests are taken, the newest first.' },
      ),
    ),
    mode: Type.Optional(ToldNodeMode),
    limits: Type.Object(
      { configured: NodeLimits, fleet: nullable(NodeLimits), effective: NodeLimits },
      { description: 'What this node is configured to, what the seed said, and the lower of both, which holds.' },
    ),
  },
  { description: 'A peer daemon at a glance.' },
)
export type PeerStatus = Static<typeof PeerStatus>
