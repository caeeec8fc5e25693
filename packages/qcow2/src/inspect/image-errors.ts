import { type ErrorTable, errorFactory } from '@shoal/core'

const CONVERT =
  'Convert it with qemu-img convert -O qcow2, which writes a clean image, upload the result and import that.'

/** Why the bytes of an image, or what is declared of them, were refused. */
export const imageErrors = {
  SHOAL_IMAGE_FORMAT_UNSUPPORTED: {
    message: 'Image {image} is declared as {diskFormat}; Shoal distributes raw and qcow2.',
    hint: 'Convert it with qemu-img convert -O qcow2, upload the result with --disk-format qcow2 and import that.',
  },
  SHOAL_IMAGE_CONTAINER_UNSUPPORTED: {
    message: 'Image {image} has container format {containerFormat}; Shoal distributes bare images.',
    hint: 'Upload the disk itself with --container-format bare and import that.',
  },
  SHOAL_IMAGE_SIZE_UNKNOWN: {
    message: 'The library does not say how large image {image} is.',
    hint: 'Wait for the upload to end; an active image with data has a size.',
  },
  SHOAL_IMAGE_EMPTY: {
    message: 'Image {image} has no bytes.',
    hint: 'Upload the image again and check the file before.',
  },
  SHOAL_IMAGE_TOO_LARGE: {
    message: 'Image {image} has {sizeBytes} bytes, more than the limit of {limitBytes}.',
    hint: 'Make the image smaller, or raise images.maxImageBytes of the seed.',
  },
  SHOAL_IMAGE_FORMAT_MISMATCH: {
    message: 'The image is declared as {declared} and is {found}.',
    hint: 'Correct disk_format in the library if it is an honest mistake; do not trust the image otherwise.',
  },
  SHOAL_IMAGE_SECOND_FORMAT: {
    message: 'The image is {declared} and has the signature of {found} in the place where that has it.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_SIZE_UNALIGNED: {
    message: 'A raw image must be whole sectors of 512 bytes; this one has {sizeBytes} bytes.',
    hint: 'The file may be cut short: compare it with its source, then upload it again.',
  },
  SHOAL_IMAGE_VIRTUAL_SIZE: {
    message: 'The virtual size {virtualSizeBytes} is zero, not a multiple of 512 or out of range.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE: {
    message: 'The virtual size {virtualSizeBytes} is more than the limit of {limitBytes} bytes.',
    hint: 'Make the disk smaller, or raise images.maxVirtualBytes of the seed.',
  },
  SHOAL_IMAGE_TRUNCATED: {
    message: 'The image is too short for a qcow2 header: it has {sizeBytes} bytes and needs {neededBytes}.',
    hint: 'The file is cut short: compare it with its source, then upload it again.',
  },
  SHOAL_IMAGE_EXPANSION: {
    message:
      'The file of {sizeBytes} bytes claims {allocatedBytes} bytes of content, more than the {limitBytes} that are plausible.',
    hint: 'An image like this is made to fill disks. If it is honest, convert it with qemu-img convert -O qcow2, which leaves zeros out.',
  },
  SHOAL_IMAGE_QCOW2_VERSION: {
    message: 'The image is qcow version {version}; versions 2 and 3 are accepted.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_HEADER_LENGTH: {
    message: 'The qcow2 header says that it is {headerLength} bytes long, which is not valid.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_CLUSTER_BITS: {
    message: 'The qcow2 image has cluster_bits {clusterBits}; 9 to 21 are accepted.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_CLUSTERS: {
    message:
      'The qcow2 file has {clusters} clusters of {clusterBytes} bytes; more than {limit} are not looked through.',
    hint: 'Convert it with qemu-img convert -O qcow2 -o cluster_size=65536, upload the result and import that.',
  },
  SHOAL_IMAGE_QCOW2_L1_TABLE: {
    message: 'The L1 table of the qcow2 image is not valid: {reason}.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE: {
    message: 'The refcount table of the qcow2 image is not valid: {reason}.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_REFCOUNT_ORDER: {
    message: 'The qcow2 image has refcount_order {refcountOrder}; 0 to 6 are accepted.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_L2_TABLE: {
    message: 'An L2 table of the qcow2 image is not valid: {reason}.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_OVERLAP: {
    message: 'Two things lie in one place of the qcow2 file: {reason}.',
    hint: 'Check it with qemu-img check and compare its content with its source; do not trust the image if you did not make it.',
  },
  SHOAL_IMAGE_QCOW2_EXTENSION: {
    message: 'A header extension of the qcow2 image is not valid: {reason}.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_FEATURES: {
    message: 'The qcow2 image needs features that are not known: incompatible bits {bits}.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_COMPRESSION: {
    message: 'The compression type {compressionType} of the qcow2 image is unknown or contradicts its feature bit.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_QCOW2_DIRTY: {
    message: 'The qcow2 image was not closed cleanly: its dirty bit is set.',
    hint: 'Repair it with qemu-img check -r all, upload the result and import that.',
  },
  SHOAL_IMAGE_QCOW2_CORRUPT: {
    message: 'The qcow2 image is marked as corrupt.',
    hint: 'Repair it with qemu-img check -r all, compare its content with its source, and upload it again.',
  },
  SHOAL_IMAGE_EXTENDED_L2: {
    message: 'The qcow2 image uses extended L2 entries, which are not accepted.',
    hint: 'Convert it with qemu-img convert -O qcow2 -o extended_l2=off and upload the result.',
  },
  SHOAL_IMAGE_BACKING_FILE: {
    message: 'The qcow2 image names a backing file; an image must be whole in itself.',
    hint: 'Flatten it with qemu-img convert -O qcow2 where its backing file is, and upload the result. Never do that with an image you do not trust.',
  },
  SHOAL_IMAGE_QCOW2_BACKING_NAME: {
    message: 'The name of the backing file in the qcow2 header is not valid: {reason}.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_DATA_FILE: {
    message: 'The qcow2 image names an external data file; an image must be whole in itself.',
    hint: 'Convert it with qemu-img convert -O qcow2 where its data file is, and upload the result. Never do that with an image you do not trust.',
  },
  SHOAL_IMAGE_ENCRYPTED: {
    message: 'The image is encrypted.',
    hint: 'Upload it decrypted; encrypt volumes or ephemeral disks on the compute node.',
  },
  SHOAL_IMAGE_SNAPSHOTS: {
    message: 'The qcow2 image has {snapshots} internal snapshots.',
    hint: CONVERT,
  },
  SHOAL_IMAGE_BITMAPS: {
    message: 'The qcow2 image carries persistent bitmaps.',
    hint: 'Remove them with qemu-img bitmap --remove, or convert it with qemu-img convert -O qcow2, and upload the result.',
  },
} as const satisfies ErrorTable

export const imageError = errorFactory(imageErrors)
