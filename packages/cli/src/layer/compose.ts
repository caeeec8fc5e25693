import { type Client, COMPOSITION_FORMATS, COMPRESSIONS, type Composition } from '@shoal/api'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { compositionEnded, followComposition } from '../follow/composition.ts'
import { formatBytes } from '../format/bytes.ts'
import { formatDuration } from '../format/duration.ts'
import { type Column, formatTable } from '../format/table.ts'
import { printFault } from '../print-error.ts'
import { shortDigest } from '../resolve/layer.ts'
import { resolvePeerLayer } from '../resolve/peer-layer.ts'
import { layerArgument } from './argument.ts'

export const layerCompose = defineCommand({
  usage: 'layer compose [layer]',
  summary: 'Compose a disk on a node from a layer and its base: one flat file, or a chain for QEMU and libvirt.',
  positionals: { layer: { type: 'string', describe: layerArgument.describe } },
  options: {
    peer: { type: 'string', requiresArg: true, demandOption: true, describe: "URL of the peer's own API" },
    name: { type: 'string', requiresArg: true, describe: 'Name of the disk, and of its file' },
    format: { choices: COMPOSITION_FORMATS, requiresArg: true, describe: 'Format of the disk (default raw)' },
    compression: { choices: COMPRESSIONS, requiresArg: true, describe: 'Of a qcow2 disk (default none)' },
    overlay: {
      type: 'string',
      requiresArg: true,
      describe: 'Of a chain: path of its overlay on that machine; one is made when absent',
    },
    wait: { type: 'boolean', describe: 'Wait until it is done; exit 6 when it fails' },
    remove: { type: 'boolean', conflicts: ['wait', 'list'], describe: 'Cancel it, or remove it with its file' },
    list: { type: 'boolean', conflicts: 'wait', describe: 'List what the node has composed' },
  },
  examples: [
    [
      'layer compose debian-12 --peer http://127.0.0.1:7421 --name vm1.raw --wait',
      'one flat disk, and see how far it is',
    ],
    ['layer compose debian-12 --peer http://127.0.0.1:7421 --name vm2 --format chain', 'an overlay above the layers'],
    ['layer compose --peer http://127.0.0.1:7421 --name vm1.raw --remove', 'remove that disk'],
  ],
  run: async (context, args) => {
    const { signal } = context
    const { peer, name, format = 'raw', compression, overlay } = args
    const client = context.peerAt(peer)
    if (args.list) return list(context, client)
    if (name === undefined) throw usage('Name the disk with --name, or say --list.')
    if (args.remove) return remove(context, client, name)
    if (args.layer === undefined) throw usage('Say which layer.')
    const layer = await resolvePeerLayer(context, args.layer, peer)
    const body = { layer, format, compression, overlay }
    const composition = await client.compose({ params: { name }, body, signal })
    return end(context, args.wait ? await followComposition(context, { client, name }) : composition)
  },
})

const columns: readonly Column<Composition>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'LAYER', value: ({ layer }) => shortDigest(layer) },
  { title: 'FORMAT', value: ({ format }) => format },
  { title: 'SIZE', align: 'right', value: ({ totalBytes }) => formatBytes(totalBytes) },
  { title: 'STATE', value: (composition) => describeState(composition) },
  { title: 'PATH', value: ({ path }) => path },
]

async function list({ output, signal }: CommandContext, client: Client): Promise<ExitCode> {
  const all = await client.listCompositions({ signal })
  const { compositions } = all
  output.show(all, () =>
    compositions.length === 0 ? 'Nothing is composed there.' : formatTable(compositions, columns),
  )
  return EXIT.ok
}

async function remove({ output, signal }: CommandContext, client: Client, name: string): Promise<ExitCode> {
  const before = await client.showComposition({ params: { name }, signal })
  await client.removeComposition({ params: { name }, signal })
  const result = { name, removed: compositionEnded(before) }
  output.show(result, () => `${name}: ${result.removed ? 'removed' : 'cancelled'}`)
  return EXIT.ok
}

/** Says how a composition stands; one that has not ended is well so far. */
function end({ output, terminal }: CommandContext, composition: Composition): ExitCode {
  output.show(composition, () => describeComposition(composition))
  const { state, error } = composition
  if (state === 'done' || !compositionEnded(composition)) return EXIT.ok
  if (error !== null) printFault(terminal, error, { json: output.isJson })
  return EXIT.incomplete
}

/** A composition for people. */
export function describeComposition(composition: Composition): string {
  const { name, state, path, overlay, writtenBytes, startedAt, finishedAt } = composition
  if (state !== 'done') return `${name}: ${describeState(composition)}`
  if (overlay !== null) return `${name}: done, overlay ${overlay}; how to open it above the layers is in ${path}`
  const took = startedAt === null || finishedAt === null ? 0 : Date.parse(finishedAt) - Date.parse(startedAt)
  return `${name}: done, ${formatBytes(writtenBytes)} written in ${formatDuration(Math.max(0, took))}: ${path}`
}

function describeState({ state, doneBytes, totalBytes }: Composition): string {
  if (state !== 'composing' || totalBytes === 0) return state
  return `composing, ${Math.floor((doneBytes / totalBytes) * 100)} %`
}

function usage(reason: string) {
  return cliError('SHOAL_CLI_USAGE', { reason, command: 'shoal layer compose' })
}
