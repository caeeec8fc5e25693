import { type Static, Type } from 'typebox'
import { BOOT_STATES, BootReads, BootSpans, bootName } from './boot.ts'
import { bytes, imageId, nullable, text, time } from './field.ts'

/** The most boots that one heartbeat tells of. */
export const MAX_TOLD_BOOTS = 200

export const BootGlance = Type.Object(
  {
    name: bootName('Its name.'),
    image: nullable(imageId('The image; null when a layer was asked for.')),
    state: Type.Enum([...BOOT_STATES], { description: 'As of the boot itself.' }),
    problem: nullable(text('Why it is not ready.')),
    presentBytes: bytes('Of its layers, on this node and verified.'),
    totalBytes: bytes('Of its layers.'),
    reads: BootReads,
    preparedAt: time('When it was asked for.'),
    // Of an earlier version it is not there.
    spans: Type.Optional(BootSpans),
  },
  { description: 'A disk that a node serves to a VM, at a glance.' },
)
export type BootGlance = Static<typeof BootGlance>
