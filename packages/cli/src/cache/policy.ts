import type { CacheStatus } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { plainText } from '../format/plain-text.ts'
import { peerOption } from './peer-option.ts'

export const cachePolicy = defineCommand({
  usage: 'cache policy [name]',
  summary: "Show a node's replacement policies and which is in force, or set it, at once and until it is set again.",
  positionals: { name: { type: 'string', describe: 'The policy from now on' } },
  options: {
    peer: peerOption,
    default: { type: 'boolean', conflicts: 'name', describe: 'Back to the one of the configuration' },
  },
  examples: [
    ['cache policy --peer http://127.0.0.1:7421', 'those there are'],
    ['cache policy lru --peer http://127.0.0.1:7421', 'the least recently used layer goes first from now on'],
  ],
  run: async (context, args) => {
    const { output, signal } = context
    const client = context.peerAt(args.peer)
    const policy = args.default === true ? null : args.name
    const asked =
      policy === undefined ? client.showCache({ signal }) : client.setCachePolicy({ body: { policy }, signal })
    const status = await asked
    output.show(status, () => formatPolicies(status))
    return EXIT.ok
  },
})

function formatPolicies({ policy, policies }: CacheStatus): string {
  return policies.map((name) => plainText(`${name === policy ? '*' : ' '} ${name}`)).join('\n')
}
