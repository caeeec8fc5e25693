import { Type } from 'typebox'
import type { Operation } from './operation.ts'
import { PlacementAnswer, PlacementRequest } from './placement.ts'

/** Where VMs should start, by what nodes have cached. */
export const placementOperations = {
  placeVms: {
    id: 'placeVms',
    method: 'POST',
    path: '/v1/placement',
    role: 'operator',
    tag: 'placement',
    summary: 'Says where VMs of several images would start with the fewest bytes moved; nothing is started or kept.',
    body: PlacementRequest,
    response: PlacementAnswer,
  },
  schedulerSnapshot: {
    id: 'schedulerSnapshot',
    method: 'GET',
    path: '/v1/scheduler/snapshot',
    role: 'service',
    tag: 'placement',
    summary: "Gives the score of each node for each image, for Nova's weigher (docs/formats/scheduler-snapshot.md).",
    headers: Type.Object({
      'if-none-match': Type.Optional(
        Type.String({ maxLength: 1000, description: 'ETag of what one has; it is not sent again.' }),
      ),
      'accept-encoding': Type.Optional(
        Type.String({ maxLength: 1000, description: 'With gzip in it the answer is compressed.' }),
      ),
    }),
    response: Type.Object(
      {
        format: Type.Literal('shoal-scheduler-snapshot', { description: 'What it is.' }),
        version: Type.Literal(1, { description: 'Of the format.' }),
        generatedAt: Type.String({ maxLength: 40, description: 'For people. ISO 8601.' }),
        nodes: Type.Array(Type.String({ maxLength: 253, description: 'A node.' }), {
          maxItems: 20_000,
          description: 'Names of nodes.',
        }),
        otherScore: Type.Integer({ minimum: 0, maximum: 255, description: 'Of nodes that are not named.' }),
        images: Type.Record(
          Type.String({ maxLength: 64 }),
          Type.Union([
            Type.Object({ dense: Type.String({ description: 'base64 of an octet a node.' }) }),
            Type.Object({
              runs: Type.Array(Type.Integer({ minimum: 0, description: 'In turn what follows.' }), {
                description: 'first, count, score, over and over.',
              }),
            }),
          ]),
          { description: 'Scores by image, 0 to 255.' },
        ),
      },
      { description: 'The scores that hold now.' },
    ),
  },
} as const satisfies Record<string, Operation>
