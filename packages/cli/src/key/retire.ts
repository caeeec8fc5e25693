import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { keyTable } from './key-table.ts'

export const keyRetire = defineCommand({
  usage: 'key retire <key>',
  summary:
    'End the trust in a signing key that has a successor, and in those before it, now and not when their time is over.',
  positionals: { key: { type: 'string', demandOption: true, describe: 'Id of the key, as the list shows it' } },
  run: async ({ client, output, signal }, { key }) => {
    const list = await client.retireKey({ params: { key }, signal })
    output.show(list, () => keyTable(list))
    return EXIT.ok
  },
})
