import { PERSON_ROLES } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { parseDuration } from '../format/parse-duration.ts'

export const tokenCreate = defineCommand({
  usage: 'token create <name>',
  summary: 'Make a token with a role and print it, this once: the seed keeps its hash alone.',
  positionals: { name: { type: 'string', demandOption: true, describe: 'Name of the token: a-z, 0-9 and -' } },
  options: {
    role: {
      choices: PERSON_ROLES,
      demandOption: true,
      requiresArg: true,
      describe: 'admin: everything; operator: images, plans, rules, boots; reader: may look',
    },
    lifetime: {
      type: 'string',
      requiresArg: true,
      describe: 'How long it holds, such as 30d; without end when absent',
    },
  },
  examples: [['token create ci --role operator --lifetime 90d > ci.token', 'a token for a pipeline']],
  run: async ({ client, output, signal }, { name, role, lifetime }) => {
    const lifetimeSeconds =
      lifetime === undefined ? undefined : Math.floor(parseDuration(lifetime, 'shoal token create') / 1000)
    const body = { name, role, ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }) }
    const created = await client.createToken({ body, signal })
    output.show(created, () => created.token)
    return EXIT.ok
  },
})
