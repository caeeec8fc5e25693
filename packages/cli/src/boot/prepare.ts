import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { BootRequest } from '@shoal/api'
import { readTokenFile } from '../access-token.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { printFault } from '../print-error.ts'
import { resolveImage } from '../resolve/image.ts'
import { resolvePeerLayer } from '../resolve/peer-layer.ts'
import { describeBoot } from './describe-boot.ts'
import { followBoot } from './follow-boot.ts'
import { bootPeerOption } from './peer-option.ts'

const IMAGE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const bootPrepare = defineCommand({
  usage: 'boot prepare [image]',
  summary: 'Serve a disk to a VM before all of it is there, and print how QEMU and libvirt open it.',
  positionals: { image: { type: 'string', describe: 'Id or name of an image' } },
  options: {
    peer: bootPeerOption,
    name: { type: 'string', requiresArg: true, describe: 'Name of the boot (default a new one)' },
    layer: { type: 'string', requiresArg: true, describe: 'Instead of an image: a layer, by digest or prefix' },
    overlay: {
      type: 'string',
      requiresArg: true,
      describe: 'Path of the writable top on that machine; it is made unless it is there (default: one of its own)',
    },
    'read-only': { type: 'boolean', conflicts: 'overlay', describe: 'No writable top' },
    record: { type: 'boolean', describe: 'Record what it reads, or do not; as the image wants it when absent' },
    'tenant-token-file': {
      type: 'string',
      requiresArg: true,
      describe:
        'File with a Keystone token of the tenant, for an image that is not for all (default: SHOAL_TENANT_TOKEN)',
    },
    wait: { type: 'boolean', default: true, describe: 'Wait until it can be opened; exit 6 when it fails' },
  },
  examples: [
    ['boot prepare debian-12 --name vm1', 'as root of the node: an overlay, and how to open it'],
    ['boot prepare debian-12 --name vm2 --read-only --json', 'the QMP nodes among the rest, for a program'],
    ['boot prepare secret-1 --tenant-token-file token', 'a private image, with a token of its project'],
    ['boot prepare --layer 8c1f0a52 --name vm3 --overlay /disks/vm3.qcow2', 'a layer, above it an overlay of your own'],
  ],
  run: async (context, args) => {
    const { output, terminal, signal } = context
    const { peer, name = `boot-${randomBytes(4).toString('hex')}`, record, wait } = args
    const client = context.peerAt(peer)
    const overlay = args['read-only'] ? null : args.overlay
    const body = { ...(await source(context, { ...args, peer })), overlay, record }
    const tenantToken = tenantTokenOf(context, args['tenant-token-file'])
    const headers = tenantToken === undefined ? {} : { 'x-shoal-tenant-token': tenantToken }
    const asked = await client.prepareBoot({ params: { boot: name }, headers, body, signal })
    const boot = wait ? await followBoot(context, client, asked) : asked
    output.show(boot, () => describeBoot(boot))
    if (boot.state !== 'failed') return EXIT.ok
    if (boot.error !== null) printFault(terminal, boot.error, { json: output.isJson })
    return EXIT.incomplete
  },
})

/** Never from the command line, which every user of the machine sees. */
function tenantTokenOf({ terminal: { env, cwd } }: CommandContext, file: string | undefined): string | undefined {
  return file === undefined ? env.SHOAL_TENANT_TOKEN || undefined : readTokenFile(resolve(cwd, file))
}

/** What is to be booted. The seed knows names; an id needs nobody. */
async function source(
  context: CommandContext,
  { image, layer, peer }: { image?: string | undefined; layer?: string | undefined; peer: string },
): Promise<Pick<BootRequest, 'image' | 'layer'>> {
  if ((image === undefined) === (layer === undefined)) {
    throw cliError('SHOAL_CLI_USAGE', { reason: 'Name either an image or a layer.', command: 'shoal boot prepare' })
  }
  if (layer !== undefined) return { layer: await resolvePeerLayer(context, layer, peer) }
  if (image === undefined) return {}
  return { image: IMAGE_ID.test(image) ? image : (await resolveImage(context.client, image, context)).id }
}
