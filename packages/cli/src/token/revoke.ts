import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'

export const tokenRevoke = defineCommand({
  usage: 'token revoke <name>',
  summary: 'Revoke a token; it and the sessions that it opened end at once.',
  positionals: { name: { type: 'string', demandOption: true, describe: 'Name of a token' } },
  run: async ({ client, output, signal }, { name }) => {
    await client.revokeToken({ params: { token: name }, signal })
    output.show({ revoked: name }, () => `${name}: revoked`)
    return EXIT.ok
  },
})
