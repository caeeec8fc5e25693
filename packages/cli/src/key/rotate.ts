import { defineCommand } from '../command.ts'
import { cliError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { readDuration } from '../format/parse-duration.ts'
import { keyTable } from './key-table.ts'

export const keyRotate = defineCommand({
  usage: 'key rotate',
  summary: 'Give the signing key a successor, which signs everything at once; nodes follow by themselves.',
  options: {
    overlap: {
      type: 'string',
      requiresArg: true,
      describe: 'How long the old key is trusted beside it, such as 7d; 0s for a key that leaked',
    },
  },
  examples: [['key rotate --overlap 0s', 'the old key leaked']],
  run: async ({ client, output, signal }, { overlap }) => {
    const list = await client.rotateKey({ body: overlap === undefined ? {} : readOverlap(overlap), signal })
    output.show(list, () => keyTable(list))
    return EXIT.ok
  },
})

/** Unlike other durations it may be none at all. */
function readOverlap(text: string): { overlapSeconds: number } {
  const overlapMs = readDuration(text)
  if (overlapMs !== undefined) return { overlapSeconds: Math.floor(overlapMs / 1000) }
  const reason = `"${text}" is no duration: write 0s, 2h or 7d.`
  throw cliError('SHOAL_CLI_USAGE', { reason, command: 'shoal key rotate' })
}
