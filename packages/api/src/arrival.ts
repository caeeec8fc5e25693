import { type Static, Type } from 'typebox'
import { bytes, count, digest, nodeId, place, rate, text, time } from './field.ts'

/** Racks of which a node tells by name what came from them; what came from others is told as of no rack. */
export const MAX_ARRIVAL_RACKS = 16
/** The most flows and samples that one heartbeat tells of. */
export const MAX_FLOWS = 32
export const MAX_SAMPLES = 4

/** Why a piece was asked of the source that gave it, the most urgent first. */
export const ARRIVAL_REASONS = ['demanded', 'raced', 'origin', 'near', 'turn', 'rarest'] as const
export type ArrivalReason = (typeof ARRIVAL_REASONS)[number]

const reason = Type.Enum([...ARRIVAL_REASONS], {
  description:
    'demanded: a VM waited for it, and this source was to be the quickest; raced: who was asked first was late; origin: the seed gave it, since no node had it; near: a node of the same rack had it, the rarest first; turn: no node of the rack had it, and it was this one that fetches it for the rack; rarest: of one that does not say where it is, the rarest first.',
})

export const whence = {
  zone: place('Availability zone of the source.'),
  rack: place('Rack of the source.'),
}

export const ReasonSum = Type.Object(
  { reason, pieces: count('So many.'), bytes: bytes('Together.') },
  { description: 'Pieces that came for one reason.' },
)
export type ReasonSum = Static<typeof ReasonSum>

export const LayerArrivals = Type.Object(
  {
    racks: Type.Array(
      Type.Object({ ...whence, bytes: bytes('In whole pieces.') }, { description: 'What came from nodes of a rack.' }),
      { maxItems: MAX_ARRIVAL_RACKS + 1, description: 'By rack of the source; the seed is not in it.' },
    ),
    reasons: Type.Array(ReasonSum, { maxItems: ARRIVAL_REASONS.length, description: 'By why.' }),
  },
  { description: 'Where the pieces of a layer came from, and why, since the daemon started.' },
)
export type LayerArrivals = Static<typeof LayerArrivals>

const isOrigin = Type.Boolean({ description: 'Whether the source is the seed.' })

export const Flow = Type.Object(
  { layer: digest('The layer.'), ...whence, isOrigin, bytesPerSecond: rate('Present rate.') },
  { description: 'What a node receives of one layer from one rack, or from the seed, just now.' },
)
export type Flow = Static<typeof Flow>

const sample = {
  at: time('When all of it was here.'),
  layer: digest('The layer.'),
  piece: count('Number of the piece.'),
  bytes: bytes('Of the piece.'),
  source: text('Name of the node that gave it; of another client its peer id.', 253),
  ...whence,
  isOrigin,
  reason,
  tookMs: count('From when it was asked for; 0 of what the seed chose to send. Milliseconds.'),
}

export const ArrivalSample = Type.Object(sample, { description: 'One piece that came, as an example of its reason.' })
export type ArrivalSample = Static<typeof ArrivalSample>

export const Arrivals = Type.Object(
  {
    reasons: Type.Array(ReasonSum, { maxItems: ARRIVAL_REASONS.length, description: 'By why, the most bytes first.' }),
    samples: Type.Array(Type.Object({ node: nodeId('Where it came.'), ...sample }), {
      maxItems: 1000,
      description: 'Some pieces that came lately, the newest first.',
    }),
  },
  { description: 'Why blocks came from where they came from, as nodes report it.' },
)
export type Arrivals = Static<typeof Arrivals>
