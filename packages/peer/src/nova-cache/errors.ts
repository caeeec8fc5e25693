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
    hint: "It should be an empty file that Nova's group may write to: setfacl --default --modify group:nova:rw on its directory sees to that.",
  },
  SHOAL_NOVA_FAILED: {
    message: 'The base file {path} could not be looked after: {reason}.',
    hint: 'It is tried again; report it if it stays so.',
  },
} as const satisfies ErrorTable

export const novaCacheError = errorFactory(novaCacheErrors)
