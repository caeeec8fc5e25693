import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `library`. */
export const libraryErrors = {
  SHOAL_LIBRARY_DIRECTORY: {
    message: 'The image directory {directory} cannot be read: {reason}.',
    hint: 'Create the directory, or give one that exists and that this user may read.',
  },
  SHOAL_LIBRARY_TOO_MANY: {
    message: 'The image directory {directory} holds more than {limit} images.',
    hint: 'Move images elsewhere, or use a real Glance for a library of this size.',
  },
  SHOAL_LIBRARY_SIDECAR: {
    message: 'The description {path} of an image is not valid: {reason}.',
    hint: 'Correct the file; until then the image is not offered, so that a private one does not become public.',
  },
  SHOAL_LIBRARY_FILE: {
    message: 'The image file {path} cannot be read: {reason}.',
    hint: 'Check its permissions and the disk; the image is not offered until it can be read.',
  },
  SHOAL_LIBRARY_FILE_CHANGING: {
    message: 'The image file {path} changed while it was read.',
    hint: 'Copy an image under another extension and rename it when it is complete; the next listing looks again.',
  },
  SHOAL_LIBRARY_PORT_IN_USE: {
    message: 'The image library cannot listen on {host}:{port}: the port is in use.',
    hint: 'End the process that holds it (ss -ltnp shows which), or choose another port.',
  },
  SHOAL_LIBRARY_OPEN: {
    message: 'The image library does not listen on {host} without a token: whoever reaches it could read every image.',
    hint: 'Give it a token (SHOAL_LIBRARY_TOKEN), or let it listen on the loopback; --open is for laboratories.',
  },
  SHOAL_LIBRARY_ADDRESS: {
    message: 'The image library cannot listen on {host}:{port}: {reason}.',
    hint: 'Give an address of this machine (ip addr shows them) and a port this user may use.',
  },
} as const satisfies ErrorTable

export const libraryError = errorFactory(libraryErrors)
