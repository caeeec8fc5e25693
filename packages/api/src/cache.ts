import { type Static, Type } from 'typebox'
import { bytes, count, digest, nullable, text, time } from './field.ts'
import { MAX_NODE_LAYERS, Replicas } from './node.ts'

export const PIN_KINDS = ['machine', 'disk', 'plan', 'operator'] as const
export const EVICTION_REASONS = ['space', 'age', 'operator', 'purge'] as const

/** The longest owner of a pin. */
export const MAX_PIN_OWNER_CHARS = 200

const owner = (description: string) => Type.String({ minLength: 1, maxLength: MAX_PIN_OWNER_CHARS, description })
const policy = (description: string) => Type.String({ minLength: 1, maxLength: 40, description })

export const CachePin = Type.Object(
  {
    kind: Type.Enum([...PIN_KINDS], {
      description:
        'machine: a process has it open; disk: a composed disk needs it; plan: until its deadline; operator.',
    }),
    owner: owner('Who holds it.'),
    since: nullable(time('Since when; null when that is not known.')),
    expiresAt: nullable(time('Until when; null: until it is taken back.')),
  },
  { description: 'What keeps a layer from being evicted.' },
)
export type CachePin = Static<typeof CachePin>

export const CacheLayer = Type.Object(
  {
    layer: digest('The layer.'),
    parent: nullable(digest('What is below it, which stays as long as it does.')),
    sizeBytes: bytes('Size of the layer file.'),
    presentBytes: bytes('Verified on disk.'),
    allocatedBytes: bytes('Occupied on disk.'),
    value: Type.Number({ description: 'What it is worth by the policy: of those that may go, the lowest goes first.' }),
    uses: count('How often it was used since it was fetched.'),
    lastUsedAt: nullable(time('Its last use; null when there was none.')),
    replicas: Replicas,
    pins: Type.Array(CachePin, { maxItems: 1000, description: 'What keeps it.' }),
    isBusy: Type.Boolean({ description: 'Whether it is being fetched.' }),
  },
  { description: 'A layer in the cache of a node.' },
)
export type CacheLayer = Static<typeof CacheLayer>

export const CacheLayers = Type.Object(
  {
    layers: Type.Array(CacheLayer, {
      maxItems: MAX_NODE_LAYERS,
      description: 'The one that would go first comes first.',
    }),
  },
  { description: 'Every layer in the cache of a node.' },
)
export type CacheLayers = Static<typeof CacheLayers>

const Hits = Type.Object(
  { hits: count('That were there.'), misses: count('That were not.') },
  { description: 'Since the daemon was set up.' },
)

export const CacheStatus = Type.Object(
  {
    policy: policy('The replacement policy.'),
    policies: Type.Array(policy('A replacement policy.'), { maxItems: 100, description: 'Those there are.' }),
    limitBytes: bytes('What the cache may take now: the configured limit, or less when others fill the file system.'),
    takenBytes: bytes('Occupied, and promised beyond that.'),
    layerBytes: bytes('Occupied by layers.'),
    otherBytes: bytes('Occupied by staged files and composed disks on that file system.'),
    reservedBytes: bytes('Promised to what is not there yet.'),
    highWatermarkBytes: bytes('Above this eviction begins.'),
    lowWatermarkBytes: bytes('... and goes on down to this.'),
    freeBytes: bytes('Free on the file system.'),
    totalBytes: bytes('Size of the file system.'),
    layers: count('Layers held.'),
    pinnedLayers: count('Layers that are not evicted now.'),
    requests: Hits,
    bytes: Hits,
    bootBytes: Hits,
    evictions: Type.Record(Type.String({ maxLength: 20 }), count('Layers.'), {
      maxProperties: 10,
      description: 'Layers evicted since the start, by reason.',
    }),
  },
  { description: 'The cache of a node at a glance.' },
)
export type CacheStatus = Static<typeof CacheStatus>

export const EvictionRequest = Type.Object(
  {
    layer: Type.Optional(digest('This layer.')),
    bytes: Type.Optional(bytes('As many of the least valuable layers as make so many bytes free.')),
    dryRun: Type.Optional(Type.Boolean({ description: 'Whether to say only what would go; false when absent.' })),
  },
  { additionalProperties: false, description: 'What to evict: give layer or bytes, not both.' },
)
export type EvictionRequest = Static<typeof EvictionRequest>

export const EvictionResult = Type.Object(
  {
    dryRun: Type.Boolean({ description: 'Whether nothing was done.' }),
    evictions: Type.Array(
      Type.Object({
        layer: digest('The layer.'),
        sizeBytes: bytes('What it occupies.'),
        keptBytes: bytes('The part of it that stays, for a fast boot.'),
        value: Type.Number({ description: 'What it is worth by the policy.' }),
        isLastCopy: Type.Boolean({ description: 'Whether no other node holds it.' }),
      }),
      { maxItems: MAX_NODE_LAYERS, description: 'In the order in which they go.' },
    ),
    freedBytes: bytes('What becomes free.'),
    kept: Type.Array(
      Type.Object({
        layer: digest('The layer.'),
        sizeBytes: bytes('What it occupies.'),
        why: text('Who holds it; empty when it need not go.'),
      }),
      { maxItems: MAX_NODE_LAYERS, description: 'What stays, the largest first.' },
    ),
  },
  { description: 'What went or would go, and why the rest stays.' },
)
export type EvictionResult = Static<typeof EvictionResult>

export const PinRequest = Type.Object(
  {
    owner: Type.Optional(owner('Who holds it, and why; "operator" when absent.')),
    expiresAt: Type.Optional(time('Until when; until it is taken back when absent.')),
  },
  { additionalProperties: false, description: "An operator's pin." },
)
export type PinRequest = Static<typeof PinRequest>

export const PolicyChange = Type.Object(
  { policy: nullable(policy('The policy from now on; null: the configured one.')) },
  { additionalProperties: false, description: 'Another replacement policy.' },
)
export type PolicyChange = Static<typeof PolicyChange>
