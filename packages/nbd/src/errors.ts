import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `nbd`. The first five are what a device may fail with: each has its NBD errno. */
export const nbdErrors = {
  SHOAL_NBD_IO: {
    message: 'The disk cannot be read: {reason}.',
    hint: 'See the log of the peer for the cause; the read may be repeated.',
  },
  SHOAL_NBD_INVALID: {
    message: 'The request is not valid: {reason}.',
    hint: 'Keep to the size and the block sizes that the export announces.',
  },
  SHOAL_NBD_READ_ONLY: {
    message: 'The disk is read-only.',
    hint: 'Write to an overlay above it.',
  },
  SHOAL_NBD_NO_SPACE: {
    message: 'There is no space left for the disk: {reason}.',
    hint: 'Free space on the file system of the peer; the read may be repeated.',
  },
  SHOAL_NBD_SHUTDOWN: {
    message: 'The NBD server is shutting down.',
    hint: 'Connect again when it is back.',
  },
  SHOAL_NBD_DISCONNECTED: {
    message: 'The NBD client closed the connection.',
    hint: 'Nothing is to be done unless the client complains.',
  },
  SHOAL_NBD_PROTOCOL: {
    message: 'The NBD client does not keep to the protocol: {reason}.',
    hint: 'Check what connects there; it must speak the fixed newstyle handshake.',
  },
  SHOAL_NBD_TLS: {
    message: 'TLS with the NBD client failed: {reason}.',
    hint: 'Check that the client has a certificate of the configured authority and the time is right on both sides.',
  },
  SHOAL_NBD_SOCKET_IN_USE: {
    message: 'Another process listens on {path}.',
    hint: 'Stop it, or give this server another socket path (ss -xlp shows which process it is).',
  },
  SHOAL_NBD_OPEN: {
    message: 'The NBD server does not listen on {host}: whoever reaches it could read every disk.',
    hint: 'Use a unix socket, an address of the loopback, or TLS with certificates of clients.',
  },
  SHOAL_NBD_LISTEN: {
    message: 'The NBD server cannot listen on {address}: {reason}.',
    hint: 'Check that the address or directory exists and that the service user may use it.',
  },
} as const satisfies ErrorTable

export const nbdError = errorFactory(nbdErrors)
