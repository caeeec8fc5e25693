import { type Static, Type } from 'typebox'
import { ErrorBody } from './error-body.ts'
import { bytes, digest, nullable, time } from './field.ts'

export const LAYERING_STATES = [
  'queued',
  'comparing',
  'writing',
  'verifying',
  'published',
  'kept-flat',
  'failed',
  'cancelled',
] as const

export const LayeringState = Type.Enum([...LAYERING_STATES], {
  description: 'How far the making of layers is. kept-flat: a middle would not save enough, the image stays as it was.',
})
export type LayeringState = Static<typeof LayeringState>

/** Of a boot profile as text: some hundred thousand reads. */
export const MAX_BOOT_PROFILE_CHARS = 2 * 1024 ** 2

const share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description: `${description} 0 to 1.` })

export const LayeringRequest = Type.Object(
  {
    base: Type.Optional(
      Type.String({
        pattern: '^(auto|none|sha256:[0-9a-f]{64})$',
        maxLength: 71,
        description:
          'The base below the middle, by its digest: `auto` takes the best-fitting one that is known, `none` makes a base of the image itself, laid out anew; auto when absent.',
      }),
    ),
    minimumSaving: Type.Optional(
      share("Least part of the image's own size that the middle must save; the seed's setting when absent."),
    ),
    bootProfile: Type.Optional(
      Type.String({
        maxLength: MAX_BOOT_PROFILE_CHARS,
        description:
          'What a machine reads while it boots (docs/formats/boot-profile.md): that comes first in the layer, in this order.',
      }),
    ),
    dropFreeSpace: Type.Optional(
      Type.Boolean({
        description:
          'Whether blocks that no file of the guest uses (deleted files) may show what the base has there; false when absent.',
      }),
    ),
  },
  { additionalProperties: false, description: 'How layers are to be made of an image.' },
)
export type LayeringRequest = Static<typeof LayeringRequest>

export const Layering = Type.Object(
  {
    state: LayeringState,
    base: nullable(digest('The base that was chosen.')),
    estimatedSharing: nullable(share('Part of the content that the base has at the same place, by a sample.')),
    minimumSaving: share("Least part of the image's own size that the middle must save."),
    flatBytes: bytes("Size of the image's own layer."),
    layerBytes: nullable(bytes('Size of the layer that was made.')),
    hotBytes: bytes('Guest bytes that the boot profile has put first.'),
    freeBytes: bytes('Guest bytes of free space that were not compared, with dropFreeSpace.'),
    doneBytes: bytes('Guest bytes that the present step has gone through.'),
    totalBytes: bytes('Guest bytes of the disk.'),
    startedAt: nullable(time('When it began.')),
    finishedAt: nullable(time('When it ended.')),
    error: nullable(ErrorBody),
  },
  { description: 'The making of a middle, or of a base laid out anew, from an image that was imported.' },
)
export type Layering = Static<typeof Layering>
