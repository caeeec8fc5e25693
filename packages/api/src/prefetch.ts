import { type Static, Type } from 'typebox'
import { MAX_NODES_A_REQUEST } from './assignment.ts'
import { ErrorBody } from './error-body.ts'
import { count, imageId, nodeId, nullable, place, priority, text, time } from './field.ts'
import { LIMIT_RANGE } from './limits.ts'

/** The most images one plan may have, and the most VMs one image may be wanted for. */
export const MAX_PLAN_IMAGES = 100
export const MAX_PLAN_VMS = 1_000_000
export const DEFAULT_PLAN_WEIGHT = 10

const strict = { additionalProperties: false } as const

/** The name of a plan, which the seed gives. */
export const planId = (description: string) =>
  Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', maxLength: 63, description })

const target = {
  nodes: Type.Optional(
    Type.Array(nodeId('Name of a node.'), {
      minItems: 1,
      maxItems: MAX_NODES_A_REQUEST,
      description: 'Nodes by name.',
    }),
  ),
  all: Type.Optional(Type.Literal(true, { description: 'Every node, and those that register later.' })),
  zone: Type.Optional(place('Only nodes of this zone.')),
  rack: Type.Optional(place('Only nodes of this rack.')),
  aggregate: Type.Optional(place('Only nodes of this host aggregate.')),
  vms: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_PLAN_VMS,
      description: 'So many VMs, wherever the planner finds places for them, instead of named or all nodes.',
    }),
  ),
  vmsPerNode: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, description: 'VMs that one node may get, with vms; 1 when absent.' }),
  ),
}

export const PrefetchTarget = Type.Object(target, {
  ...strict,
  description:
    'Where: nodes, all or vms; or zone, rack or aggregate alone. Zone, rack and aggregate narrow all of them.',
})
export type PrefetchTarget = Static<typeof PrefetchTarget>

export const IMAGE_FORMS = ['boot', 'file'] as const
/** What of an image is brought to nodes. */
export type ImageForm = (typeof IMAGE_FORMS)[number]

export const imageForm = () =>
  Type.Enum([...IMAGE_FORMS], {
    description:
      "What of an image: boot, the layers that it is booted from; file, the layer with the library's exact bytes, which downloads through a node's Glance endpoint are given. boot when absent.",
  })

export const PrefetchImage = Type.Object(
  {
    image: imageId('Glance id of the image.'),
    form: Type.Optional(imageForm()),
    ...target,
    priority: Type.Optional(priority("Of this image; the plan's when absent.")),
  },
  { ...strict, description: 'One image, and where it is wanted.' },
)
export type PrefetchImage = Static<typeof PrefetchImage>

const images = Type.Array(PrefetchImage, {
  minItems: 1,
  maxItems: MAX_PLAN_IMAGES,
  description: 'What is wanted where.',
})
const weight = Type.Integer({
  minimum: 1,
  maximum: 100,
  description: `Share of what plans of equal priority compete for, against theirs; ${DEFAULT_PLAN_WEIGHT} when absent.`,
})
const rateLimit = (description: string) =>
  Type.Optional(
    nullable(Type.Integer({ ...LIMIT_RANGE, description: `${description} Bytes per second; null: no limit.` })),
  )

export const PlanLimits = Type.Object(
  {
    bytesPerSecond: rateLimit('All that nodes receive by the plan, together.'),
    nodeBytesPerSecond: rateLimit('What one node receives by the plan.'),
  },
  { ...strict, description: "Limits of one plan, within the fleet's." },
)
export type PlanLimits = Static<typeof PlanLimits>

const terms = {
  priority: Type.Optional(priority('Order among plans and other assignments; 50 when absent.')),
  weight: Type.Optional(weight),
  limits: Type.Optional(PlanLimits),
  notBefore: Type.Optional(
    nullable(time('Before it no byte moves to a node. Images are read from the library already.')),
  ),
  deadline: Type.Optional(nullable(time('By when every node should have all of it.'))),
  expiresAt: Type.Optional(
    nullable(time('When the plan is given up if it is not done. Absent: a day after the deadline, or after a week.')),
  ),
  pinnedUntil: Type.Optional(nullable(time('Until when nodes do not evict it. Absent: until the plan expires.'))),
}

export const Simulate = Type.Object(
  {
    rateSpread: Type.Optional(
      Type.Number({ minimum: 0, maximum: 0.95, description: "Each node's links are slower by up to this share." }),
    ),
    lostNodes: Type.Optional(
      Type.Number({ minimum: 0, maximum: 0.9, description: 'Share of the nodes that die halfway and do not return.' }),
    ),
    slowNodes: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'Share of the nodes whose links have a tenth of their rate.',
      }),
    ),
    randomSeed: Type.Optional(count('The same one gives the same result.')),
  },
  { ...strict, description: 'What goes wrong in the simulation; nothing when empty.' },
)
export type Simulate = Static<typeof Simulate>

export const PrefetchRequest = Type.Object(
  {
    name: Type.Optional(text('For people.', 100)),
    images,
    ...terms,
    dryRun: Type.Optional(Type.Boolean({ description: 'Answer with the plan, and keep nothing of it.' })),
    simulate: Type.Optional(Simulate),
  },
  { ...strict, description: 'What should be where, by when, and what it may use.' },
)
export type PrefetchRequest = Static<typeof PrefetchRequest>

export const PrefetchChange = Type.Object(
  {
    name: Type.Optional(text('For people.', 100)),
    images: Type.Optional(images),
    ...terms,
    paused: Type.Optional(Type.Boolean({ description: 'true stops its transfers, false goes on.' })),
  },
  { ...strict, description: 'What to change of a plan; what is absent stays as it is.' },
)
export type PrefetchChange = Static<typeof PrefetchChange>

export const PLAN_KINDS = ['prefetch', 'download'] as const
/** A plan that somebody asked for, or the account of what nodes download by themselves. */
export type PlanKind = (typeof PLAN_KINDS)[number]

export const PLAN_STATES = [
  'planned',
  'running',
  'paused',
  'done',
  'partly-done',
  'cancelled',
  'expired',
  'failed',
] as const
export type PlanState = (typeof PLAN_STATES)[number]

/** States in which nothing more happens by itself. A plan that is partly done goes on when its nodes are back. */
export const ENDED_PLAN_STATES: readonly PlanState[] = ['done', 'cancelled', 'expired', 'failed']

export const PLAN_NODE_STATES = ['waiting', 'fetching', 'ready', 'failed', 'excluded'] as const
export type PlanNodeState = (typeof PLAN_NODE_STATES)[number]

export const SLOW_REASONS = [
  'lost',
  'unreachable',
  'not-before',
  'paused',
  'importing',
  'error',
  'no-source',
  'limited',
  'slow-link',
  'queued',
] as const
export type SlowReason = (typeof SLOW_REASONS)[number]

export const PlanNode = Type.Object(
  {
    node: nodeId('Name of the node.'),
    state: Type.Enum([...PLAN_NODE_STATES], {
      description:
        'ready: all of it is verified on its disk; failed: it cannot take it now; excluded: it was away for too long, and is taken up again when it is back.',
    }),
    wantedBytes: count('Of all layers that the plan wants there. Bytes.'),
    presentBytes: count('Verified on its disk. Bytes.'),
    bytesPerSecond: Type.Number({ minimum: 0, description: 'Present rate. Bytes per second.' }),
    vms: count('VMs that have their place there; 0 when nodes were asked for.'),
    predictedFinishAt: nullable(time('When the plan says it is ready; null: never, or it was ready.')),
    estimatedFinishAt: nullable(time('When it will be at its present rate; null: nobody knows.')),
    readyAt: nullable(time('When it was ready.')),
    reason: nullable(
      Type.Object(
        {
          code: Type.Enum([...SLOW_REASONS], { description: 'Why it is not faster.' }),
          message: text('The same, for people.'),
        },
        { description: 'What holds it up; null when nothing does.' },
      ),
    ),
  },
  { description: 'How far one node of a plan is.' },
)
export type PlanNode = Static<typeof PlanNode>

/** Of so many waves progress is told, the first ones. */
export const MAX_TOLD_WAVES = 50

export const PlanWaveProgress = Type.Object(
  {
    wave: count('0 has what boots read; the rest follows in those from 1 on.'),
    nodes: count('That are to receive something in it.'),
    nodesReady: count('Of these, those that have it.'),
    wantedBytes: count('Of all nodes together. Bytes.'),
    presentBytes: count('Of it, what is there, reckoning that a node fetches what boots read first. Bytes.'),
    estimatedFinishAt: nullable(
      time('When the last of its nodes will have it at the present rates; null: it is over, or nobody knows.'),
    ),
  },
  { description: 'How far one wave of a plan is.' },
)
export type PlanWaveProgress = Static<typeof PlanWaveProgress>

export const PlanProgress = Type.Object(
  {
    nodes: Type.Object(
      {
        total: count('Nodes of the plan.'),
        waiting: count('That have not begun.'),
        fetching: count('That receive.'),
        ready: count('That have all of it, verified.'),
        failed: count('That cannot take it now.'),
        excluded: count('That were away for too long.'),
      },
      { description: 'Nodes by state.' },
    ),
    wantedBytes: count('All copies together. Bytes.'),
    presentBytes: count('Verified on disks. Bytes.'),
    bytesPerSecond: Type.Number({ minimum: 0, description: 'Present rate. Bytes per second.' }),
    estimatedFinishAt: nullable(time('When the last node will be ready at the present rate; null: nobody knows.')),
    slowest: Type.Array(PlanNode, { maxItems: 10, description: 'The nodes that will be last, the slowest first.' }),
    waves: Type.Array(PlanWaveProgress, {
      maxItems: MAX_TOLD_WAVES,
      description: 'How far each wave is, the first ones where there are more.',
    }),
  },
  { description: 'How far a plan is.' },
)
export type PlanProgress = Static<typeof PlanProgress>

const linkBytes = Type.Object(
  {
    libraryToSeed: count('Read from the library.'),
    seedToNode: count('Sent by the seed.'),
    inRack: count('From node to node in a rack.'),
    crossRack: count('From node to node of another rack.'),
  },
  { description: 'Bytes by what they cross.' },
)

export const PlanPrediction = Type.Object(
  {
    finishAt: nullable(time('When the last node is ready; null: never, as things are.')),
    seconds: nullable(Type.Number({ minimum: 0, description: 'From the start of the plan until then. Seconds.' })),
    fluidBoundSeconds: Type.Number({ minimum: 0, description: 'Which no schedule can beat. Seconds.' }),
    limitedBy: text('Which link sets that bound.', 20),
    bytes: linkBytes,
  },
  { description: 'What the planner expects, as if no other plan ran.' },
)
export type PlanPrediction = Static<typeof PlanPrediction>

export const PlanWave = Type.Object(
  {
    wave: count('0 has what boots read; the rest follows in those from 1 on.'),
    kind: Type.Enum(['boot', 'rest'], { description: 'What it moves.' }),
    layers: Type.Array(text('Digest of a layer.', 71), { maxItems: 4096, description: 'Of which it moves something.' }),
    nodes: count('That receive something.'),
    bytes: count('That move.'),
    opensAt: nullable(time('When links have room for it.')),
    endsAt: nullable(time('When its last node is done.')),
  },
  { description: 'What goes together. Waves are ranks: what one leaves of a link, the next uses.' },
)
export type PlanWave = Static<typeof PlanWave>

export const UNMET_REASONS = [
  'unknown-node',
  'inactive',
  'offline',
  'disk',
  'places',
  'no-nodes',
  'no-source',
  'deadline',
  'image',
] as const

export const PlanUnmet = Type.Object(
  {
    image: imageId('The image.'),
    reason: Type.Enum([...UNMET_REASONS], { description: 'Why it cannot be met.' }),
    message: text('The same for people, with the nearest that can be.'),
    nodes: Type.Array(nodeId('Name of a node.'), { maxItems: 100, description: 'The first nodes concerned.' }),
    nodeCount: count('How many nodes are concerned.'),
    earliestAt: nullable(time('The deadline that could be kept.')),
  },
  { description: 'What of a plan cannot be met.' },
)
export type PlanUnmet = Static<typeof PlanUnmet>

export const PlanPlacement = Type.Object(
  {
    image: imageId('The image.'),
    node: nodeId('Name of the node.'),
    vms: count('VMs that have their place there.'),
  },
  { description: 'Where VMs can go whose number alone was given.' },
)
export type PlanPlacement = Static<typeof PlanPlacement>

export const PlanSimulation = Type.Object(
  {
    seconds: nullable(
      Type.Number({ minimum: 0, description: 'Until the last node that lives is ready; null: never.' }),
    ),
    medianSeconds: nullable(Type.Number({ minimum: 0, description: 'Until half of the nodes are ready.' })),
    unfinishedNodes: count('That never have all of it.'),
    seedCopies: Type.Number({ minimum: 0, description: 'What the seed sent over what it had to send once.' }),
    crossRackCopies: Type.Number({ minimum: 0, description: 'Into the worst rack, over what had to come once.' }),
    bytes: linkBytes,
  },
  { description: 'How the plan goes in a simulated fleet.' },
)
export type PlanSimulation = Static<typeof PlanSimulation>

const summary = {
  id: nullable(planId('Name of the plan; null of a dry run.')),
  name: text('For people.', 100),
  kind: Type.Enum([...PLAN_KINDS], {
    description:
      'prefetch: it was asked for; download: it tells how far nodes are that download one image through their Glance endpoints. That one ends by itself, and can be neither changed nor retried.',
  }),
  state: Type.Enum([...PLAN_STATES], {
    description: 'partly-done: all nodes that can have it have it; it goes on when others are back.',
  }),
  error: nullable(ErrorBody),
  source: text('Who asked: api, or the rule by name, as rule:NAME; downloads: nodes, by downloading.', 100),
  createdAt: time('When it was asked for.'),
  startedAt: nullable(time('When its first transfers could begin.')),
  finishedAt: nullable(time('When it ended.')),
  priority: priority('Order among plans.'),
  weight,
  limits: Type.Required(PlanLimits),
  notBefore: nullable(time('Before it no byte moves to a node.')),
  deadline: nullable(time('By when every node should have it.')),
  expiresAt: time('When it is given up.'),
  pinnedUntil: time('Until when nodes do not evict it.'),
  prediction: PlanPrediction,
  progress: PlanProgress,
}

export const PlanSummary = Type.Object(summary, { description: 'A prefetch plan at a glance.' })
export type PlanSummary = Static<typeof PlanSummary>

export const Plan = Type.Object(
  {
    ...summary,
    images: Type.Array(PrefetchImage, { maxItems: MAX_PLAN_IMAGES, description: 'What was asked for.' }),
    waves: Type.Array(PlanWave, { maxItems: 10_000, description: 'In which order.' }),
    placements: Type.Array(PlanPlacement, { maxItems: 100_000, description: 'Where VMs can go.' }),
    evictions: Type.Array(Type.Object({ node: nodeId('Name of the node.'), bytes: count('That have to go.') }), {
      maxItems: 100_000,
      description: 'Room that nodes have to make.',
    }),
    unmet: Type.Array(PlanUnmet, { maxItems: 1000, description: 'What cannot be met, and why.' }),
    simulation: nullable(PlanSimulation),
  },
  { description: 'A prefetch plan.' },
)
export type Plan = Static<typeof Plan>

export const PlanUpdate = Type.Object(
  { state: summary.state, error: summary.error, progress: PlanProgress },
  { description: 'How far a plan is now.' },
)
export type PlanUpdate = Static<typeof PlanUpdate>

export const WaitResult = Type.Object(
  {
    reached: Type.Boolean({ description: 'Whether so many nodes are ready.' }),
    isEnded: Type.Boolean({ description: 'Whether it is over, or all nodes that can have it have it (partly-done).' }),
    plan: PlanSummary,
  },
  { description: 'What came of waiting.' },
)
export type WaitResult = Static<typeof WaitResult>
