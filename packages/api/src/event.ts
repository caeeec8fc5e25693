import { type Static, Type } from 'typebox'
import { Actor } from './actor.ts'
import { count, digest, imageId, nodeId, text, time } from './field.ts'
import { planId } from './prefetch.ts'

export const EVENT_TYPES = [
  'image.discovered',
  'image.changed',
  'image.deactivated',
  'image.deleted',
  'image.reactivated',
  'import.queued',
  'import.started',
  'import.resumed',
  'import.verifying',
  'import.published',
  'import.failed',
  'import.cancelled',
  'layering.queued',
  'layering.published',
  'layering.kept-flat',
  'layering.failed',
  'layering.cancelled',
  'layer.withdrawn',
  'node.registered',
  'node.unreachable',
  'node.lost',
  'node.returned',
  'node.removed',
  'layer.assigned',
  'layer.unassigned',
  'layer.complete',
  'layer.failed',
  'layer.evicted',
  'layer.purged',
  'layer.corrupt',
  'peer.banned',
  'store.no-space',
  'boot.stalled',
  'boot.failed-read',
  'limits.changed',
  'plan.created',
  'plan.running',
  'plan.paused',
  'plan.changed',
  'plan.late',
  'plan.nodes-excluded',
  'plan.nodes-returned',
  'plan.image-failed',
  'plan.done',
  'plan.partly-done',
  'plan.cancelled',
  'plan.expired',
  'plan.failed',
  'rule.changed',
  'rule.failed',
  'library.unreachable',
  'library.reachable',
  'session.opened',
] as const

export const EventType = Type.Enum([...EVENT_TYPES], { description: 'What happened.' })
export type EventType = Static<typeof EventType>

export const Event = Type.Object(
  {
    id: count('Grows with every event; give it as `after` to read on.'),
    at: time('When it happened.'),
    type: EventType,
    actor: Actor,
    image: Type.Optional(imageId('The image it is about.')),
    layer: Type.Optional(digest('The layer it is about.')),
    node: Type.Optional(nodeId('The node it is about.')),
    plan: Type.Optional(planId('The prefetch plan it is about.')),
    message: text('What happened, for people.'),
    details: Type.Record(Type.String({ maxLength: 100 }), Type.Unknown(), {
      maxProperties: 50,
      description: 'The facts behind the message, as JSON.',
    }),
  },
  { description: 'Something that happened in the fleet.' },
)
export type Event = Static<typeof Event>
