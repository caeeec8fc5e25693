import { type ErrorTable, errorFactory } from '@shoal/core'

const CONVERT = 'Convert it with qemu-img convert -O qcow2, which writes a clean image.'

/** Error codes of `qcow2`. */
export const qcow2Errors = {
  SHOAL_QCOW2_MAGIC: {
    message: 'The file does not begin as a qcow2 image does.',
    hint: 'Name the format it really has; it is never guessed.',
  },
  SHOAL_QCOW2_VERSION: {
    message: 'The image has qcow2 version {version}; there are 2 and 3.',
    hint: CONVERT,
  },
  SHOAL_QCOW2_HEADER: {
    message: 'The qcow2 header is not as it must be: {reason}.',
    hint: CONVERT,
  },
  SHOAL_QCOW2_FEATURE: {
    message: 'The image needs a feature that is not supported: {feature}.',
    hint: CONVERT,
  },
  SHOAL_QCOW2_TABLE: {
    message: 'The {table} table of the image is not as it must be: {reason}.',
    hint: 'Check it with qemu-img check; restore it from its source if that finds errors.',
  },
  SHOAL_QCOW2_CLUSTER: {
    message: 'The cluster at guest offset {guestOffset} cannot be read: {reason}.',
    hint: 'Check the image with qemu-img check; restore it from its source if that finds errors.',
  },
  SHOAL_QCOW2_TRUNCATED: {
    message: 'The image ends at byte {sizeBytes}, before byte {neededBytes} that it refers to.',
    hint: 'The file was cut short: fetch or upload it again.',
  },
} as const satisfies ErrorTable

export const qcow2Error = errorFactory(qcow2Errors)
