import { defineCommand } from '../command.ts'
import { cliError } from '../errors.ts'
import type { ExitCode } from '../exit-code.ts'

const NAME = 'shoal-library'
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export const libraryServe = defineCommand({
  usage: 'library serve',
  summary: 'Serve a directory of images over the Glance v2 API, for one machine and for trying out.',
  options: {
    directory: {
      type: 'string',
      demandOption: true,
      requiresArg: true,
      describe: 'Directory of <name>.qcow2, .raw or .img, each with an optional <name>.json beside it',
    },
    host: { type: 'string', default: '127.0.0.1', requiresArg: true, describe: 'Address to listen on' },
    port: { type: 'number', default: 9292, requiresArg: true, describe: 'Port to listen on; 0 takes a free one' },
    'library-token': {
      type: 'string',
      requiresArg: true,
      describe: 'Token that every request must carry as X-Auth-Token (SHOAL_LIBRARY_TOKEN); none when absent',
    },
    open: { type: 'boolean', describe: 'Serve beyond the loopback without a token: for laboratories alone' },
    'log-level': { choices: LOG_LEVELS, default: 'info', requiresArg: true, describe: 'Least severe line to log' },
  },
  examples: [['library serve --directory images --port 9292', 'a library that any Glance client can read']],
  ownsSignals: true,
  run: async ({ terminal }, args) => {
    const { directory, host, port } = args
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw cliError('SHOAL_CLI_USAGE', { reason: `--port ${port} is not a port.`, command: 'shoal library serve' })
    }
    // Loaded only now: a server's packages would triple the time that every other command takes to start.
    const { createLog, runService } = await import('@shoal/service')
    const { createLibrary } = await import('@shoal/library')
    const token = args['library-token'] ?? terminal.env.SHOAL_LIBRARY_TOKEN
    const logger = createLog({ name: NAME, level: args['log-level'] })
    const code = await runService({ name: NAME, logger }, async () => {
      const library = createLibrary(
        { logger },
        { directory, host, port, ...(token ? { token } : {}), isOpen: args.open === true },
      )
      await library.start()
      return library
    })
    return code as ExitCode
  },
})
