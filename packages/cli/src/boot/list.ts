import type { Boot } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { type Column, formatTable } from '../format/table.ts'
import { shortDigest } from '../resolve/layer.ts'
import { bootState, presentShare } from './describe-boot.ts'
import { bootPeerOption } from './peer-option.ts'

export const bootList = defineCommand({
  usage: 'boot list',
  summary: 'List the disks that a node serves to VMs.',
  options: { peer: bootPeerOption },
  examples: [['boot list', 'as root of the node']],
  run: async (context, args) => {
    const { output, signal } = context
    const all = await context.peerAt(args.peer).listBoots({ signal })
    output.show(all, () => (all.boots.length === 0 ? 'Nothing is booted there.' : formatTable(all.boots, columns)))
    return EXIT.ok
  },
})

const columns: readonly Column<Boot>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'OF', value: ({ image, layers }) => image ?? shortDigest(layers.at(-1) ?? '') },
  { title: 'HERE', align: 'right', value: presentShare },
  { title: 'READ', align: 'right', value: ({ reads }) => formatBytes(reads.readBytes) },
  { title: 'ON DEMAND', align: 'right', value: ({ reads }) => formatBytes(reads.onDemandBytes) },
  { title: 'STALLS', align: 'right', value: ({ reads }) => String(reads.stalls) },
  { title: 'OVERLAY', value: ({ overlay }) => overlay ?? '' },
  { title: 'STATE', value: bootState },
]
