import { type Static, Type } from 'typebox'
import { compositionName } from './composition.ts'
import { ErrorBody } from './error-body.ts'
import { bytes, count, digest, imageId, nullable, text, time } from './field.ts'
import { MAX_BOOT_PROFILE_CHARS } from './layering.ts'

/** The most disks that a node serves at a time. */
export const MAX_BOOTS = 1000

export const BOOT_STATES = ['preparing', 'ready', 'failed'] as const

/** The name of a boot: that of its export, and of its overlay. */
export const bootName = compositionName

const strict = { additionalProperties: false } as const

export const BootRequest = Type.Object(
  {
    image: Type.Optional(imageId('The image to boot; its layers are asked for if the node does not have them.')),
    layer: Type.Optional(digest('Instead of an image: the topmost layer of the disk.')),
    overlay: Type.Optional(
      nullable(
        Type.String({
          pattern: '^/[^\\x00-\\x1f\\x7f]*$',
          maxLength: 1000,
          description:
            'Where the writable top is or will be, absolute; null: none, the disk is read-only. Absent: beside the state.',
        }),
      ),
    ),
    record: Type.Optional(
      Type.Boolean({
        description: 'Whether what it reads is recorded; absent: as long as its image wants recordings.',
      }),
    ),
  },
  { ...strict, description: 'A disk that is to be served before all of it is there.' },
)
export type BootRequest = Static<typeof BootRequest>

export const BootReads = Type.Object(
  {
    reads: count('Reads of the guest.'),
    readBytes: bytes('Read by the guest.'),
    waitingReads: count('Reads that waited for a block which was not there.'),
    onDemandBytes: bytes('Fetched because the guest waited for it.'),
    stalls: count('Reads that waited for longer than a second.'),
    longestWaitMs: count('The longest wait of a read. Milliseconds.'),
    firstReadAt: nullable(time('When the guest read first.')),
  },
  { description: 'What a guest read, and for how much of it it waited.' },
)
export type BootReads = Static<typeof BootReads>

export const BootSpans = Type.Object(
  {
    openAt: nullable(time('When the disk could be opened first.')),
    firstReadAt: nullable(time('When its machine began to read.')),
    bootedAt: nullable(
      time('When the machine had booted: as somebody told, or its last read before it read nothing for 30 s.'),
    ),
    bootedBy: nullable(Type.Enum(['told', 'quiet'], { description: 'How that is known.' })),
  },
  { description: 'How a boot went, from when it was asked for; null: not yet, or nobody knows.' },
)
export type BootSpans = Static<typeof BootSpans>

export const Boot = Type.Object(
  {
    name: bootName('Its name.'),
    image: nullable(imageId('The image; null when a layer was asked for.')),
    state: Type.Enum([...BOOT_STATES], {
      description:
        'preparing: what describes its layers is on its way; ready: it can be opened; failed: it cannot be served.',
    }),
    error: nullable(ErrorBody),
    layers: Type.Array(digest('A layer.'), { maxItems: 2, description: 'Of the disk, the base first.' }),
    virtualSizeBytes: bytes('Of the disk that the guest sees; 0 while that is not known.'),
    presentBytes: bytes('Of its layers, on this node and verified.'),
    totalBytes: bytes('Of its layers.'),
    socket: text('Path of the unix socket that serves it by NBD.', 200),
    uri: text('The same as an NBD URI.', 1000),
    overlay: nullable(text('Its writable top; null: it is read-only.', 1000)),
    blockdev: Type.Array(Type.Record(Type.String(), Type.Unknown(), { description: 'One node of the graph.' }), {
      maxItems: 10,
      description: 'Arguments of blockdev-add (QMP) or -blockdev, in this order.',
    }),
    nodeName: text('Of what a device is to use as its drive.', 100),
    qemu: text("A part of QEMU's command line, quoted for a shell.", 8000),
    libvirt: text('A disk of a libvirt domain (XML).', 8000),
    isRecorded: Type.Boolean({ description: 'Whether what it reads is being recorded.' }),
    reads: BootReads,
    preparedAt: time('When it was asked for.'),
    spans: BootSpans,
  },
  { description: 'A disk that a node serves to a VM, and how to open it.' },
)
export type Boot = Static<typeof Boot>

export const BootLayer = Type.Object(
  {
    layer: digest('The layer.'),
    sizeBytes: bytes('Size of its file.'),
    bootBytes: bytes('At the beginning of its file, what a boot reads; 0 when that is not known.'),
  },
  { description: 'A layer of a disk.' },
)

export const BootOffer = Type.Object(
  {
    records: Type.Optional(
      Type.Boolean({
        description: 'Whether a machine is about to boot it, of which the node would record what it reads.',
      }),
    ),
    foretold: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'Part of the blocks that the last machine read while it booted that its boot profile had named.',
      }),
    ),
  },
  { ...strict, description: 'What a node can tell of the boots of an image.' },
)
export type BootOffer = Static<typeof BootOffer>

export const BootChain = Type.Object(
  {
    image: imageId('The image.'),
    state: Type.Enum(['ready', 'importing'], { description: 'Whether its layers are there; if not, ask again.' }),
    layers: Type.Array(BootLayer, { maxItems: 2, description: 'The base first.' }),
    virtualSizeBytes: bytes('Of the disk that the guest sees; 0 while that is not known.'),
    wantsRecordings: Type.Boolean({ description: 'Whether the node is to record the boot for which it asks.' }),
    profileRevision: count('Of its boot profile; 0: it has none.'),
  },
  { description: 'What a node needs to boot an image. Its layers are assigned to the node from now on.' },
)
export type BootChain = Static<typeof BootChain>

export const BootRecording = Type.Object(
  {
    image: imageId('The image that booted.'),
    profile: Type.String({
      maxLength: MAX_BOOT_PROFILE_CHARS,
      description: 'What it read, in order, as docs/formats/boot-profile.md describes it.',
    }),
  },
  { ...strict, description: 'A boot that a node recorded.' },
)
export type BootRecording = Static<typeof BootRecording>

export const BootProfileStatus = Type.Object(
  {
    image: imageId('The image.'),
    revision: count('Grows with every recording that changed it.'),
    recordings: count('Boots that it was made of.'),
    wantsRecordings: Type.Boolean({ description: 'Whether more are wanted.' }),
    bytes: bytes('That a boot reads, by the profile.'),
    stability: Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'How alike the recordings are: the mean Jaccard index of their sets of blocks; 1 with one recording.',
    }),
    updatedAt: nullable(time('When it last changed.')),
  },
  { description: 'What is known of how an image boots.' },
)
export type BootProfileStatus = Static<typeof BootProfileStatus>
