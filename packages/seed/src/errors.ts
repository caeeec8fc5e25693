import { type ErrorTable, errorFactory } from '@shoal/core'

const CONVERT =
  'Convert it with qemu-img convert -O qcow2, which writes a clean image, upload the result and import that.'

/** Why an image was refused. */
const imageErrors = {
  SHOAL_IMAGE_UNKNOWN: {
    message: 'The image library has no image {image}.',
    hint: 'Check the id (shoal image list) and that the seed may see the image in the library.',
  },
  SHOAL_IMAGE_NOT_ACTIVE: {
    message: 'Image {image} has status {status} in the library; only an active image can be imported.',
    hint: 'Wait for the upload to end, or reactivate the image in the library, then import it again.',
  },
  SHOAL_IMAGE_DEACTIVATED: {
    message: 'Image {image} was deactivated in the library.',
    hint: 'Reactivate it in the library, then import it again.',
  },
  SHOAL_IMAGE_DELETED: {
    message: 'Image {image} was deleted from the library.',
    hint: 'Upload it again under a new id and import that.',
  },
  SHOAL_IMAGE_CHANGED: {
    message: 'The metadata of image {image} changed in the library while it was read: {field}.',
    hint: 'Import it again; the read starts from its first byte.',
  },
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

/** Error codes of `seed`. */
export const seedErrors = {
  ...imageErrors,
  SHOAL_IMPORT_QUEUE_FULL: {
    message: 'The import queue is full: {limit} images wait.',
    hint: 'Import again when some have finished, or raise imports.queueLength.',
  },
  SHOAL_IMPORT_CANCELLED: {
    message: 'The import of image {image} was cancelled on request.',
    hint: 'Import it again if it is wanted after all.',
  },
  SHOAL_IMPORT_NOT_RUNNING: {
    message: 'Image {image} is not being imported.',
    hint: 'See its state with shoal image show.',
  },
  SHOAL_IMPORT_NO_SPACE: {
    message: 'There is no space left for image {image} in {directory}.',
    hint: 'Free space or move stateDirectory to a larger file system, then import again; what was read is kept.',
  },
  SHOAL_IMPORT_IO: {
    message: 'Image {image} cannot be stored in {directory}: {reason}.',
    hint: 'Check the file system and its permissions, then import again.',
  },
  SHOAL_IMPORT_HASHING: {
    message: 'The hash worker of image {image} failed: {reason}.',
    hint: "Import it again; if it fails again, report it with the seed's log.",
  },
  SHOAL_LAYER_UNKNOWN: {
    message: 'There is no layer {layer}.',
    hint: 'See shoal layer list.',
  },
  SHOAL_LAYER_WITHDRAWN: {
    message: 'Layer {layer} is withdrawn: every image of it is deactivated or deleted.',
    hint: 'Reactivate one of its images in the library first.',
  },
  SHOAL_NODE_UNKNOWN: {
    message: 'There is no node {node}.',
    hint: 'A node registers when its peer daemon starts; see shoal node list.',
  },
  SHOAL_NODES_FULL: {
    message: 'The seed has {limit} nodes, which is its limit.',
    hint: 'Remove nodes that are gone (DELETE /v1/nodes/<node>), or raise nodes.limit.',
  },
  SHOAL_ASSIGNMENT_TARGETS: {
    message: 'The assignment says no nodes.',
    hint: 'Give nodes, all, zone or rack.',
  },
  SHOAL_ASSIGNMENT_LIMIT: {
    message: 'Node {node} has {limit} assignments, which is the limit.',
    hint: 'Take layers back from it first (shoal layer unassign).',
  },
  SHOAL_SEED_DIRECTORY: {
    message: 'The data directory {directory} cannot be used: {reason}.',
    hint: 'Set stateDirectory to a directory that the seed may write to.',
  },
  SHOAL_SEED_INTERNAL: {
    message: 'The seed failed: {reason}.',
    hint: "Look at the seed's log; if it happens again, report it.",
  },
  SHOAL_SEED_ADVERTISE: {
    message: 'swarm.host is {host}, which is no address that a node could connect to.',
    hint: "Set swarm.advertiseHost to the seed's address on the storage network.",
  },
  SHOAL_SEED_KEY: {
    message: 'The signing key {path} cannot be used: {reason}.',
    hint: 'Restore the key from a backup; with a new key every node must trust it and every image must be imported again.',
  },
} as const satisfies ErrorTable

export const seedError = errorFactory(seedErrors)
