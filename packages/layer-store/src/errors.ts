import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `layer-store`. */
export const storeErrors = {
  SHOAL_STORE_BLOCK_MISMATCH: {
    message: 'Block {block} of {digest} does not have the SHA-256 that the manifest gives.',
    hint: 'Fetch the block from another source and distrust the one that sent it.',
  },
  SHOAL_STORE_BLOCK_ABSENT: {
    message: 'Block {block} of {digest} is not present.',
    hint: 'Wait until the block has arrived, or read a range that is present.',
  },
  SHOAL_STORE_NO_SPACE: {
    message: 'There is no space left for {path}.',
    hint: 'Free space on that file system or raise the quota; writing is tried again.',
  },
  SHOAL_STORE_IO: {
    message: 'Reading or writing {path} failed: {reason}.',
    hint: "Check the disk's health (dmesg) and that the store's directory belongs to the service user.",
  },
  SHOAL_STORE_NO_HOLES: {
    message: 'No part of {path} can be freed by itself: {reason}.',
    hint: 'Keep layers on a file system that can punch holes (ext4, XFS, Btrfs, tmpfs), or do without parts for boots.',
  },
  SHOAL_STORE_LAYER_UNKNOWN: {
    message: 'The layer {digest} is not in the store.',
    hint: 'It was removed meanwhile; assign or import it again if it is still wanted.',
  },
  SHOAL_STORE_FOREIGN_FILE: {
    message: '{path} is taken by something that the store did not put there.',
    hint: 'Move it away (the store never touches what is not its own), then try again.',
  },
  SHOAL_STORE_STAGED_INVALID: {
    message: 'The staged file {path} cannot become the layer {digest}: {reason}.',
    hint: 'Import the image again.',
  },
  SHOAL_STORE_CLOSED: {
    message: 'The layer store is not open.',
    hint: 'This is expected while the service stops; otherwise open the store before using it.',
  },
} as const satisfies ErrorTable

export const storeError = errorFactory(storeErrors)
