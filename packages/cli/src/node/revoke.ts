import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'

export const nodeRevoke = defineCommand({
  usage: 'node revoke <node>',
  summary: 'Revoke the certificates of a node: nobody talks to it any more until it joins again with a new token.',
  positionals: { node: { type: 'string', demandOption: true, describe: 'Name of a node' } },
  run: async ({ client, output, signal }, args) => {
    const revoked = await client.revokeNode({ params: { node: args.node }, signal })
    output.show(revoked, () => `${revoked.node}: every certificate until ${revoked.until} is revoked`)
    return EXIT.ok
  },
})
