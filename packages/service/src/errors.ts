import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `service`. */
export const serviceErrors = {
  SHOAL_CONFIG_INVALID: {
    message: 'The configuration of {name} has {count} fault(s):\n{faults}',
    hint: 'Correct every key named above; docs/configuration.md lists the keys, their meaning and their units.',
  },
  SHOAL_CONFIG_FILE: {
    message: 'The configuration file {path} cannot be read: {reason}.',
    hint: 'Check the path, and that the user the service runs as may read the file.',
  },
  SHOAL_SECRET_FILE: {
    message: 'The secret file {path} cannot be used: {reason}.',
    hint: 'Check that its directory exists and is writable by the service; remove the file to have a new secret made.',
  },
  SHOAL_SERVICE_STOP_TIMEOUT: {
    message: 'The service did not stop within {timeoutMs} ms.',
    hint: 'It was ended; its state is crash-safe. If this repeats, report the log lines before this one.',
  },
  SHOAL_HTTP_PORT_IN_USE: {
    message: 'Another process listens on {host} port {port} already.',
    hint: 'Stop that process, or set another listen.port; `ss -ltnp` shows who holds the port.',
  },
  SHOAL_HTTP_OPEN: {
    message: 'The service does not listen on {host} without authentication.',
    hint: 'Give it tokens, or let it listen on the loopback.',
  },
  SHOAL_HTTP_ADDRESS: {
    message: 'Cannot listen on {host} port {port}: {reason}.',
    hint: 'Set listen.host to an address of this machine (`ip address` shows them) and listen.port to one the service may use.',
  },
  SHOAL_HTTP_INVALID: {
    message: 'The request is not valid: {reason}.',
    hint: 'The reference at /docs shows what this operation takes.',
  },
  SHOAL_HTTP_UNAUTHORIZED: {
    message: 'The request has neither a valid bearer token nor the certificate of a node.',
    hint: 'Nodes join first (shoal join-token create) and use https. People send "Authorization: Bearer <token>" with operator.token of the seed or api-token of the peer, from its state directory (CLI: --token-file).',
  },
  SHOAL_HTTP_FORBIDDEN: {
    message: '{actor} may not do this: the operation needs the role {role}.',
    hint: 'Use a token of that role; shoal token create makes one, and access.keystone.roles gives users of the cloud theirs.',
  },
  SHOAL_HTTP_FAILURES: {
    message:
      'Too many requests without a valid token came from this address; it may ask again in {retryAfterSeconds} s.',
    hint: 'Give the client a valid token (shoal token list shows which there are), or stop whoever tries others.',
  },
  SHOAL_HTTP_RATE: {
    message: 'This client asks more often than it may; it may ask again in {retryAfterSeconds} s.',
    hint: 'Let the client wait as Retry-After says, use a stream in place of polling, or raise listen.requestsPerSecond.',
  },
  SHOAL_HTTP_OTHER_NODE: {
    message: 'The certificate of node {node} does not speak for node {other}.',
    hint: 'A node tells and asks about itself alone. If the machine was renamed, join again with a token for the new name.',
  },
  SHOAL_HTTP_NOT_FOUND: {
    message: 'There is nothing at {method} {path}.',
    hint: 'The reference at /docs lists every operation.',
  },
  SHOAL_HTTP_TOO_LARGE: {
    message: 'The request is larger than {limitBytes} bytes.',
    hint: 'Send fewer items at once.',
  },
  SHOAL_HTTP_MEDIA_TYPE: {
    message: 'The request has a body that is not application/json.',
    hint: 'Send the body as JSON with "Content-Type: application/json".',
  },
  SHOAL_HTTP_BUSY: {
    message: 'The service has {limit} event streams open, the most it allows.',
    hint: 'Close streams that nobody reads, or try again later.',
  },
  SHOAL_HTTP_INTERNAL: {
    message: 'The service failed to answer (request {requestId}).',
    hint: 'Look for this request id in the log of the service.',
  },
} as const satisfies ErrorTable

export const serviceError = errorFactory(serviceErrors)
