import { defineCommand } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { serviceOptions } from '../service-options.ts'

export const seedServe = defineCommand({
  usage: 'seed serve',
  summary: 'Run the seed service until SIGTERM or SIGINT.',
  options: serviceOptions,
  moreOptions: async () => {
    const { seedConfigDefaults, seedConfigSchema } = await import('@shoal/seed')
    const { configOptions } = await import('../config-options.ts')
    return configOptions(seedConfigSchema, seedConfigDefaults)
  },
  examples: [
    ['seed serve --library.directory images', 'a seed with a library of its own'],
    ['seed serve --config /etc/shoal/seed.yaml', 'a seed in front of Glance'],
  ],
  ownsSignals: true,
  run: async ({ terminal, output }, args) => {
    const { loadSeedConfig, seedConfigSchema, serveSeed } = await import('@shoal/seed')
    const { configFlags } = await import('../config-options.ts')
    // SHOAL_SEED_URL is the command line's own: to the seed it would be a setting that it does not know.
    const { SHOAL_SEED_URL: _, ...env } = terminal.env
    const options = { file: args.config, env, flags: configFlags(seedConfigSchema, args) }
    if (!args['print-config']) return (await serveSeed(options)) as ExitCode
    const { printConfig, redactConfig } = await import('@shoal/service')
    const config = loadSeedConfig(options)
    output.show(redactConfig(config, seedConfigSchema), () => printConfig(config, seedConfigSchema).trimEnd())
    return EXIT.ok
  },
})
