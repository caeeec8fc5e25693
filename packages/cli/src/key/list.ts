import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { keyTable } from './key-table.ts'

export const keyList = defineCommand({
  usage: 'key list',
  summary: 'List the keys that sign manifests and boot profiles: the one that does, and those before it.',
  run: async ({ client, output, signal }) => {
    const list = await client.listKeys({ signal })
    output.show(list, () => keyTable(list))
    return EXIT.ok
  },
})
