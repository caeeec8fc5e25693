import { type Static, Type } from 'typebox'
import { Actor } from './actor.ts'
import { nodeId, nullable, text, time } from './field.ts'

export const NODE_MODES = ['active', 'draining', 'quarantined'] as const
export type NodeMode = (typeof NODE_MODES)[number]

/** The most nodes that may be in quarantine at once: each of them is named to all others. */
export const MAX_QUARANTINED_NODES = 256
export const MAX_MODE_REASON_CHARS = 500

const mode = Type.Enum([...NODE_MODES], {
  description:
    'active: it takes part; draining: it gives what it has and is asked for nothing new; quarantined: besides, nobody takes blocks from it.',
})
const reason = (description: string) => text(description, MAX_MODE_REASON_CHARS)

export const NodeModeStatus = Type.Object(
  {
    mode,
    reason: reason('Why, as who set it said; empty when nothing was said.'),
    by: nullable(Actor),
    since: nullable(time('Since when; null: it was never set.')),
    isDrained: Type.Boolean({
      description: 'Whether it may go: it is not active, serves no disk and waits for no block that a machine needs.',
    }),
  },
  { description: 'Whether a node takes part, by the word of an operator.' },
)
export type NodeModeStatus = Static<typeof NodeModeStatus>

export const NodeModeRequest = Type.Object(
  { mode, reason: Type.Optional(reason('Why; shown wherever the node is.')) },
  { additionalProperties: false, description: 'What a node is to be. Saying the same again changes nothing.' },
)
export type NodeModeRequest = Static<typeof NodeModeRequest>

export const ToldNodeMode = Type.Object(
  { mode, reason: reason('Why.'), since: nullable(time('Since when.')) },
  { description: 'What a node is told of its own mode.' },
)
export type ToldNodeMode = Static<typeof ToldNodeMode>

export const RefusedNode = Type.Object(
  {
    node: nodeId('Its name.'),
    host: nullable(
      text('Address of its swarm, when nobody else has the same; null: it is known by its name alone.', 300),
    ),
  },
  { description: 'A node in quarantine: no block is taken from it.' },
)
export type RefusedNode = Static<typeof RefusedNode>
