import { MIN_TRANSFER_BYTES_PER_SECOND } from '@shoal/core'
import { type Static, type TSchema, Type } from 'typebox'
import { nullable, time } from './field.ts'

/** The name of a window of the schedule, which its author gives. */
export const limitsWindowName = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', maxLength: 63, description })

/** The least and the most a limit may be: below, it could not be kept within 5 %; above, it is a slip of the pen. */
export const LIMIT_RANGE = { minimum: MIN_TRANSFER_BYTES_PER_SECOND, maximum: 1e12 } as const

const strict = { additionalProperties: false } as const
const fleet = {
  libraryBytesPerSecond: 'Reading image data from the library, all imports together.',
  seedUpBytesPerSecond: 'What the origin sends.',
  rackUplinkBytesPerSecond: 'What goes into, and what goes out of, each rack.',
}
const ofNode = {
  upBytesPerSecond: 'What a node sends.',
  downBytesPerSecond: 'What a node receives.',
  crossRackBytesPerSecond: 'What a node sends to nodes of other racks.',
  crossRackDownBytesPerSecond: 'What a node receives from nodes of other racks and from the origin.',
  inRackBytesPerSecond: 'What a node sends to nodes of its own rack.',
  prefetchBytesPerSecond: 'What a node receives that no VM waits for.',
}

const limit = (description: string) =>
  nullable(Type.Integer({ ...LIMIT_RANGE, description: `${description} Bytes per second; null: no limit.` }))
const change = (description: string) =>
  Type.Optional(
    Type.Union([
      Type.Integer({ ...LIMIT_RANGE, description: `${description} Bytes per second.` }),
      Type.Null({ description: 'No limit.' }),
      Type.Enum(['configured'], { description: "What the seed's configuration says." }),
    ]),
  )
const whenSet = (description: string) => Type.Optional(limit(description))

export const NodeLimits = Type.Object(describe(ofNode, limit), {
  description: 'Limits on the payload of each node, by class.',
})
export type NodeLimits = Static<typeof NodeLimits>

/** What seed and nodes tell each other: one of an earlier version does not know every limit. */
export const ToldLimits = Type.Object(
  {
    ...describe(ofNode, limit),
    crossRackDownBytesPerSecond: Type.Optional(limit(ofNode.crossRackDownBytesPerSecond)),
  },
  { description: 'Limits on the payload of a node, by class.' },
)
export type ToldLimits = Static<typeof ToldLimits>

export const Limits = Type.Object(
  { ...describe(fleet, limit), node: NodeLimits },
  { description: 'Limits on payload: of the seed, and of each node.' },
)
export type Limits = Static<typeof Limits>

export const LimitsOverride = Type.Object(
  { ...describe(fleet, whenSet), node: Type.Optional(Type.Object(describe(ofNode, whenSet))) },
  { description: 'What was set in place of the configuration; what is absent was not.' },
)
export type LimitsOverride = Static<typeof LimitsOverride>

export const ScheduledLimits = Type.Object(
  { ...describe(fleet, whenSet), node: Type.Optional(Type.Object(describe(ofNode, whenSet), strict)) },
  { ...strict, description: 'Limits in place of the configured ones; what is absent is as configured.' },
)
export type ScheduledLimits = Static<typeof ScheduledLimits>

export const LimitsChange = Type.Object(
  { ...describe(fleet, change), node: Type.Optional(Type.Object(describe(ofNode, change), strict)) },
  { ...strict, description: 'Limits to set; what is absent stays as it is.' },
)
export type LimitsChange = Static<typeof LimitsChange>

export const LimitsStatus = Type.Object(
  {
    configured: Limits,
    scheduled: nullable(
      Type.Object(
        { window: limitsWindowName('The window of the schedule that holds now.'), limits: LimitsOverride },
        { description: 'What the schedule says now, in place of the configuration.' },
      ),
    ),
    set: LimitsOverride,
    effective: Limits,
    nextChangeAt: nullable(time('When another window holds, or none; null: not within two weeks.')),
  },
  {
    description:
      "The limits of the seed's configuration, those that the schedule says now, those that were set, and what holds: what was set, else the schedule, else the configuration. A node's own configuration may be lower.",
  },
)
export type LimitsStatus = Static<typeof LimitsStatus>

function describe<K extends string, S extends TSchema>(
  fields: Readonly<Record<K, string>>,
  schema: (description: string) => S,
): Record<K, S> {
  const entries = Object.entries<string>(fields).map(([name, description]) => [name, schema(description)])
  return Object.fromEntries(entries) as Record<K, S>
}
