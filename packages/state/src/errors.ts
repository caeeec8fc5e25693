import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `state`. */
export const stateErrors = {
  SHOAL_STATE_LOCKED: {
    message: 'The state in {directory} is in use by another process.',
    hint: 'Stop the other seed or peer that uses this directory, or give this one a state directory of its own.',
  },
  SHOAL_STATE_CORRUPT: {
    message: 'The state in {directory} is damaged.',
    hint: 'Move the directory away and start again: what it recorded is then imported or fetched once more.',
  },
  SHOAL_STATE_NO_SPACE: {
    message: 'There is no space left to write the state in {directory}.',
    hint: 'Free space on that file system; writes are tried again by themselves.',
  },
  SHOAL_STATE_IO: {
    message: 'The state in {directory} cannot be read or written: {reason}.',
    hint: 'Check that the directory exists, belongs to the service user and that its disk is healthy (dmesg).',
  },
  SHOAL_STATE_BUSY: {
    message: 'More than {limit} writes wait for the state in {directory}.',
    hint: 'Try again later; if it lasts, the disk of the state directory is too slow.',
  },
  SHOAL_STATE_WATCH_LAGGED: {
    message: 'A watcher of "{prefix}" fell more than {limit} changes behind.',
    hint: 'Read the range again, then watch anew.',
  },
  SHOAL_STATE_CLOSED: {
    message: 'The state store is closed.',
    hint: 'This is expected while the service stops; otherwise open the store before using it.',
  },
} as const satisfies ErrorTable

export const stateError = errorFactory(stateErrors)
