import { type Static, Type } from 'typebox'
import { MAX_NODES_A_REQUEST } from './assignment.ts'
import { bytes, count, imageId, nodeId, place } from './field.ts'
import { strict } from './page-fields.ts'

/** The most VMs that are placed at once: 10,000 of 100 images on 10,000 nodes take some ten seconds. */
export const MAX_PLACED_VMS = 10_000
/** The most images of one placement. */
export const MAX_PLACED_IMAGES = 100

const vms = (description: string) => Type.Integer({ minimum: 1, maximum: MAX_PLACED_VMS, description })

export const PlacementRequest = Type.Object(
  {
    images: Type.Array(
      Type.Object({ image: imageId('The image.'), vms: vms('How many VMs of it.') }, { additionalProperties: false }),
      { minItems: 1, maxItems: MAX_PLACED_IMAGES, description: 'What is to be started.' },
    ),
    nodes: Type.Optional(
      Type.Array(
        Type.Object(
          {
            node: nodeId('Name of a node.'),
            vms: Type.Optional(
              Type.Integer({ minimum: 0, maximum: MAX_PLACED_VMS, description: 'How many of them it can take.' }),
            ),
            load: Type.Optional(
              Type.Number({
                minimum: 0,
                maximum: 100_000,
                description: 'VMs that it has already; what the node reports of its load when absent.',
              }),
            ),
          },
          { additionalProperties: false },
        ),
        {
          minItems: 1,
          maxItems: MAX_NODES_A_REQUEST,
          description: 'Nodes that come into question, every node when absent.',
        },
      ),
    ),
    zone: Type.Optional(place('Only nodes of this zone.')),
    rack: Type.Optional(place('Only nodes of this rack.')),
    aggregate: Type.Optional(place('Only nodes of this host aggregate.')),
    vmsPerNode: Type.Optional(vms('How many of them a node can take for which nothing else is said; all when absent.')),
    spread: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1000,
        description:
          'What balance is worth: to have a VM on a node with one VM less, so many images may be fetched that are not there. 0.85 when absent; 0 goes by bytes alone.',
      }),
    ),
  },
  { ...strict, description: 'VMs for which places are wanted. Nothing is started or kept.' },
)
export type PlacementRequest = Static<typeof PlacementRequest>

export const PlacedVms = Type.Object(
  {
    image: imageId('The image.'),
    node: nodeId('Where to start them.'),
    vms: vms('How many.'),
    missingBytes: bytes('What the node lacks of the image, of which some may be on its way.'),
  },
  { description: 'VMs of an image on a node.' },
)
export type PlacedVms = Static<typeof PlacedVms>

export const PlacementAnswer = Type.Object(
  {
    placements: Type.Array(PlacedVms, { description: 'By image, as asked for, then by node.' }),
    unplaced: Type.Array(Type.Object({ image: imageId('The image.'), vms: vms('How many of it have no place.') }), {
      description: 'VMs for which no node has room.',
    }),
    nodesConsidered: count('Nodes that came into question.'),
    nodesUsed: count('Nodes that get VMs.'),
    missingBytes: bytes('What all of them have to fetch, each layer once a node.'),
    mostLoaded: Type.Number({
      minimum: 0,
      description: 'Load of the most loaded of the nodes that get VMs, with these.',
    }),
    isOptimal: Type.Boolean({ description: 'Whether it is proven that no placement costs less.' }),
    gap: Type.Number({
      minimum: 0,
      description:
        'By which share of its cost it could be better at most: cost and least possible cost differ by so much.',
    }),
  },
  { description: 'Places for VMs that need the fewest bytes moved and keep the nodes even.' },
)
export type PlacementAnswer = Static<typeof PlacementAnswer>
