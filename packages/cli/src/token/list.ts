import type { Token } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { type Column, formatTable } from '../format/table.ts'

const columns: readonly Column<Token>[] = [
  { title: 'TOKEN', value: ({ name }) => name },
  { title: 'ROLE', value: ({ role }) => role },
  { title: 'MADE', value: ({ createdAt }) => createdAt ?? 'in a file' },
  { title: 'BY', value: ({ createdBy }) => createdBy ?? '' },
  { title: 'UNTIL', value: ({ expiresAt, isExpired }) => (isExpired ? 'EXPIRED' : (expiresAt ?? '')) },
]

export const tokenList = defineCommand({
  usage: 'token list',
  summary: 'List the tokens and their roles, without their secrets.',
  run: async ({ client, output, signal }) => {
    const { tokens } = await client.listTokens({ signal })
    output.show({ tokens }, () => formatTable(tokens, columns))
    return EXIT.ok
  },
})
