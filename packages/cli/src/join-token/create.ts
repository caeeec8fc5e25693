import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { parseDuration } from '../format/parse-duration.ts'

export const joinTokenCreate = defineCommand({
  usage: 'join-token create',
  summary: 'Make a token with which one node joins the cluster, once, and print it: the seed keeps its hash alone.',
  options: {
    node: { type: 'string', requiresArg: true, describe: 'The only node that may use it; any when absent' },
    lifetime: {
      type: 'string',
      requiresArg: true,
      describe: 'How long it may be used, such as 10m or 2d; 1h when absent',
    },
  },
  examples: [['join-token create --node compute-7 > join.token', 'the file for credential.joinTokenFile of that node']],
  run: async ({ client, output, signal }, { node, lifetime }) => {
    const lifetimeSeconds =
      lifetime === undefined ? undefined : Math.floor(parseDuration(lifetime, 'shoal join-token create') / 1000)
    const body = {
      ...(node === undefined ? {} : { node }),
      ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
    }
    const created = await client.createJoinToken({ body, signal })
    output.show(created, () => created.token)
    return EXIT.ok
  },
})
