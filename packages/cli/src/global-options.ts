import type { Options } from 'yargs'

/** Where a seed with default settings listens; a test compares it with the seed's own default. */
export const DEFAULT_SEED_URL = 'http://127.0.0.1:7420'

/** Options that every command takes. */
export const globalOptions = {
  seed: {
    type: 'string',
    requiresArg: true,
    describe: `URL of the seed (SHOAL_SEED_URL; default ${DEFAULT_SEED_URL})`,
  },
  token: {
    type: 'string',
    requiresArg: true,
    describe: 'Access token (SHOAL_TOKEN); others can see it in the process list, so a file is better',
  },
  'token-file': {
    type: 'string',
    requiresArg: true,
    describe:
      'File with the access token (SHOAL_TOKEN_FILE; default: that of the service, when it runs on this machine)',
  },
  json: { type: 'boolean', default: false, describe: "Print the API's JSON; streams print one object a line" },
} as const satisfies Record<string, Options>

export interface GlobalArgs {
  seed?: string | undefined
  token?: string | undefined
  'token-file'?: string | undefined
  json: boolean
}
