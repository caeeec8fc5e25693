import { createLog, loadConfig, runService } from '@shoal/service'
import { SeedConfig, seedDefaults } from './config.ts'
import { startSeed } from './seed.ts'

export interface ServeSeedOptions {
  /** Path of a YAML or JSON configuration file; `SHOAL_SEED_CONFIG` when absent. */
  readonly file?: string | undefined
  /** Flags by dotted key, for example `{ 'listen.port': '7460' }`. */
  readonly flags?: Readonly<Record<string, unknown>>
  readonly env?: NodeJS.ProcessEnv
}

/** Loads the seed's configuration: flag over environment (`SHOAL_SEED_*`) over file over default. Throws `SHOAL_CONFIG_*`. */
export function loadSeedConfig({ file, flags = {}, env = process.env }: ServeSeedOptions): SeedConfig {
  return loadConfig(SeedConfig, {
    defaults: seedDefaults,
    file: file ?? env.SHOAL_SEED_CONFIG,
    env,
    envPrefix: 'SHOAL_SEED',
    flags,
    argvName: 'the seed',
  })
}

/** Runs a seed until it is told to stop; resolves to the exit code. Throws `SHOAL_CONFIG_*` before anything is started. */
export async function serveSeed(options: ServeSeedOptions = {}): Promise<number> {
  const config = loadSeedConfig(options)
  const logger = createLog({ name: 'shoal-seed', level: config.logLevel })
  const { env = process.env } = options
  return runService({ name: 'shoal-seed', logger }, () => startSeed(config, { logger, env }))
}
