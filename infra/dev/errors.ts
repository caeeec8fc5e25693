import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of what runs only on a developer's machine. */
export const devErrors = {
  SHOAL_DEV_ARGUMENT: {
    message: '{reason}',
    hint: 'Run "node infra/dev/start.ts --help" to see what it takes.',
  },
  SHOAL_DEV_PORT_IN_USE: {
    message: 'Another process listens on {address}; {holder}.',
    hint: 'Stop it (ss -ltnp shows which it is), or start on other addresses: node infra/dev/start.ts --network 127.0.1 --directory .shoal/second',
  },
  SHOAL_DEV_SERVICE_ENDED: {
    message: '{service} ended by itself with {status}. Its last words: {words}',
    hint: 'Its whole log is {log}.',
  },
  SHOAL_DEV_TIMEOUT: {
    message: '{what} did not happen within {seconds} s.',
    hint: 'The logs are in {logs}; "npm run -s shoal -- status" shows the seed.',
  },
  SHOAL_DEV_IMPORT: {
    message: 'The import of {image} failed: {reason}',
    hint: '{hint}',
  },
  SHOAL_DEV_LAYERS: {
    message: 'The making of layers of {image} failed: {reason}',
    hint: '{hint}',
  },
  SHOAL_DEV_DISTRIBUTION: {
    message: 'Layer {layer} did not reach every node: {reason}.',
    hint: '"npm run -s shoal -- node show <node>" tells why; the logs are in {logs}.',
  },
  SHOAL_DEV_VERIFICATION: {
    message: 'Layer {layer} on {node} is not what it should be: {reason}.',
    hint: 'This must never happen. Please report it with the logs in {logs}.',
  },
} as const satisfies ErrorTable

export const devError = errorFactory(devErrors)
