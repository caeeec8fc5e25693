import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'

export const joinTokenRevoke = defineCommand({
  usage: 'join-token revoke <token>',
  summary: 'Take a join token back; nodes that joined with one are not concerned (shoal node revoke).',
  positionals: { token: { type: 'string', demandOption: true, describe: 'Id of the token, as the list shows it' } },
  run: async ({ client, output, signal }, { token }) => {
    await client.revokeJoinToken({ params: { token }, signal })
    output.show({ revoked: token }, () => `${token}: revoked`)
    return EXIT.ok
  },
})
