import type { Options } from 'yargs'

/** Options of every service beside its settings. */
export const serviceOptions = {
  config: { type: 'string', requiresArg: true, describe: 'Configuration file, YAML or JSON' },
  'print-config': { type: 'boolean', default: false, describe: 'Print the configuration that holds, then exit' },
} as const satisfies Record<string, Options>
