import { createLog, describeError, EXIT_CODES, redactConfig, runService } from '@shoal/service'
import { loadSeedConfig, type SeedConfig, seedConfigSchema } from './config.ts'
import { startSeed } from './seed.ts'

const NAME = 'shoal-seed'
const CONFIGURATION_FAULTS: ReadonlySet<string> = new Set([
  'SHOAL_CLOUD_CONFIG',
  'SHOAL_SEED_ADVERTISE',
  'SHOAL_SWARM_OPEN',
])

export interface ServeSeedOptions {
  /** Path of the configuration file; else `SHOAL_SEED_CONFIG` names it. */
  readonly file?: string | undefined
  readonly env: NodeJS.ProcessEnv
  /** Settings by dotted key, for example `{ 'listen.port': '7420' }`. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/**
 * Runs the seed until SIGTERM or SIGINT; resolves to the exit code: 0, 1 after a failure, 2 for a configuration or OpenStack
 * settings that are not valid. What went wrong is printed once.
 */
export async function serveSeed(options: ServeSeedOptions): Promise<number> {
  let config: SeedConfig
  try {
    config = loadSeedConfig(options)
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`)
    process.exitCode = EXIT_CODES.configuration
    return EXIT_CODES.configuration
  }
  const logger = createLog({ name: NAME, level: config.log.level })
  return runService({ name: NAME, logger, configurationFaults: CONFIGURATION_FAULTS }, () => {
    logger.info({ config: redactConfig(config, seedConfigSchema) }, 'starting')
    return startSeed(config, { logger, env: options.env })
  })
}
