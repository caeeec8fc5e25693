import { defineCommand } from '../command.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { serviceOptions } from '../service-options.ts'

export const peerServe = defineCommand({
  usage: 'peer serve',
  summary: 'Run the peer daemon of this compute node until SIGTERM or SIGINT.',
  options: serviceOptions,
  moreOptions: async () => {
    const { peerConfigDefaults, peerConfigSchema } = await import('@shoal/peer')
    const { configOptions } = await import('../config-options.ts')
    return configOptions(peerConfigSchema, peerConfigDefaults)
  },
  examples: [['peer serve --config /etc/shoal/peer.yaml', 'as the systemd unit does']],
  ownsSignals: true,
  run: async ({ terminal, output }, args) => {
    const { loadPeerConfig, peerConfigSchema, servePeer } = await import('@shoal/peer')
    const { configFlags } = await import('../config-options.ts')
    const options = { file: args.config, env: terminal.env, flags: configFlags(peerConfigSchema, args) }
    if (!args['print-config']) return (await servePeer(options)) as ExitCode
    const { printConfig, redactConfig } = await import('@shoal/service')
    const config = loadPeerConfig(options)
    output.show(redactConfig(config, peerConfigSchema), () => printConfig(config, peerConfigSchema).trimEnd())
    return EXIT.ok
  },
})
