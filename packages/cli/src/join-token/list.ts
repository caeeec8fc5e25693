import type { JoinToken } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { type Column, formatTable } from '../format/table.ts'

const columns: readonly Column<JoinToken>[] = [
  { title: 'TOKEN', value: ({ id }) => id },
  { title: 'NODE', value: ({ node }) => node ?? 'any' },
  { title: 'MADE', value: ({ createdAt }) => createdAt },
  { title: 'UNTIL', value: ({ expiresAt }) => expiresAt },
]

export const joinTokenList = defineCommand({
  usage: 'join-token list',
  summary: 'List join tokens that may still be used, without their secrets.',
  run: async ({ client, output, signal }) => {
    const { tokens } = await client.listJoinTokens({ signal })
    output.show({ tokens }, () => (tokens.length === 0 ? 'There are none.' : formatTable(tokens, columns)))
    return EXIT.ok
  },
})
