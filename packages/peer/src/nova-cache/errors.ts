import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of disks that are put into Nova's image cache. */
export const novaCacheErrors = {
  SHOAL_NOVA_DIRECTORY: {
    message: 'The directory {path} of Nova cannot be used: {reason}.',
    hint: 'Set novaCache.instancesPath to the instances_path of nova.conf, and make "_base" and "locks" in it, with group nova and mode 2775.',
  },
  SHOAL_NOVA_PERMISSION: {
    message: '{path} cannot be made as Nova needs it: {reason}.',
    hint: 'Make the peer\'s user a member of the group nova, and "_base" and "locks" writable for it (mode 2775); leave novaCache.uid null unless the peer may change owners.',
  },
  SHOAL_NOVA_LOCK: {
    message: 'The lock {path} cannot be taken: {reason}.',
    hint: "It should be an empty file that Nova and the peer's user may write to; remove it while nova-compute is stopped.",
  },
} as const satisfies ErrorTable

export const novaCacheError = errorFactory(novaCacheErrors)
