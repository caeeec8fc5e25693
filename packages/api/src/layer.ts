import { type Static, Type } from 'typebox'
import { bytes, count, digest, hex20, imageId, nullable, time } from './field.ts'

export const Layer = Type.Object(
  {
    digest: digest('Content address.'),
    parent: nullable(digest('The base below this layer; null for a base.')),
    kind: Type.Enum(['base', 'middle'], { description: 'A base has no parent; a middle has one base as parent.' }),
    format: Type.Enum(['raw', 'qcow2'], { description: 'Format of the layer file.' }),
    sizeBytes: bytes('Size of the layer file.'),
    virtualSizeBytes: bytes('Size of the disk a VM sees.'),
    blockLengthBytes: bytes('Length of a block, the smallest unit that is verified.'),
    pieceLengthBytes: bytes("Length of a piece, the swarm's unit."),
    infoHash: hex20('BitTorrent v1 info hash.'),
    images: Type.Array(imageId('A Glance id.'), { maxItems: 1000, description: 'Images that resolve to this layer.' }),
    state: Type.Enum(['published', 'withdrawn'], { description: 'Whether the layer may still be distributed.' }),
    createdAt: time('When the layer was published.'),
    uploadedBytes: bytes('Sent by the origin.'),
    seedCopies: Type.Number({ minimum: 0, description: 'uploadedBytes divided by sizeBytes; 1 is ideal.' }),
    nodesAssigned: count('Nodes the layer is assigned to.'),
    nodesComplete: count('Nodes that hold all of it, verified.'),
    nodesPartial: count('Nodes that hold a part of it.'),
  },
  { description: 'An immutable, content-addressed layer.' },
)
export type Layer = Static<typeof Layer>

export const Verification = Type.Object(
  {
    layer: digest('The layer that was checked.'),
    checkedBlocks: count('Blocks read back from disk and hashed.'),
    badBlocks: Type.Array(count('Number of a block.'), {
      maxItems: 4 * 1024 ** 2,
      description: 'Blocks that did not match the manifest; they are now absent and will be fetched again.',
    }),
    digestMatches: nullable(
      Type.Boolean({ description: 'Whether the whole file has the digest; null while it is incomplete.' }),
    ),
  },
  { description: 'Result of checking a layer against its manifest.' },
)
export type Verification = Static<typeof Verification>
