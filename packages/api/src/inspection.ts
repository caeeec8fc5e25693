import { type Static, Type } from 'typebox'
import { ErrorBody } from './error-body.ts'
import { bytes, nullable, text } from './field.ts'

export const InspectionCheck = Type.Object(
  {
    name: text('What is checked, for example backing-file.', 100),
    outcome: Type.Enum(['passed', 'failed', 'skipped'], {
      description: 'Skipped is what needs bytes that were not read, or something else that failed.',
    }),
    code: nullable(text('Code of what is wrong; null unless it failed.', 100)),
    message: nullable(text('What is wrong, for people.', 4000)),
    hint: nullable(text('What to do next, for people.', 4000)),
    details: ErrorBody.properties.details,
  },
  { description: 'One check of an image.' },
)
export type InspectionCheck = Static<typeof InspectionCheck>

export const Inspection = Type.Object(
  {
    format: Type.Enum(['raw', 'qcow2'], { description: 'Format as declared; it is never guessed.' }),
    virtualSizeBytes: nullable(bytes('Size of the disk a VM would see; null when the image does not say so credibly.')),
    isAccepted: Type.Boolean({ description: 'Whether no check failed.' }),
    checks: Type.Array(InspectionCheck, { maxItems: 100, description: 'Every check, in order.' }),
  },
  { description: 'What inspection of the bytes of an image found.' },
)
export type Inspection = Static<typeof Inspection>
