import { type Boot, type BootRequest, operations } from '@shoal/api'
import { ShoalError } from '@shoal/core'
import { type HttpApp, registerOperation } from '@shoal/service'
import { digestOf } from '../builders.ts'
import { runCli } from '../run-cli.ts'
import { PEER_TOKEN, startStandInPeer } from '../stand-in-peer.ts'

const MIB = 1024 ** 2

export function buildBoot(overrides: Partial<Boot> = {}): Boot {
  return {
    ...{ name: 'vm1', image: '6f0c2c1e-0000-4000-8000-000000000001', state: 'ready', error: null },
    ...{ layers: [digestOf('aaaaaaaa'), digestOf('bbbbbbbb')], virtualSizeBytes: 1024 * MIB },
    ...{ presentBytes: 30 * MIB, totalBytes: 300 * MIB },
    ...{ socket: '/run/shoal/nbd.sock', uri: 'nbd+unix:///vm1?socket=/run/shoal/nbd.sock' },
    ...{ overlay: '/overlays/vm1.qcow2', blockdev: [{ driver: 'nbd' }], nodeName: 'shoal-top' },
    ...{ qemu: "-blockdev '{}' \\\n-device virtio-blk-pci", libvirt: '<disk>\n</disk>', isRecorded: false },
    ...{ preparedAt: '2026-01-01T00:00:00.000Z' },
    spans: {
      ...{ openAt: '2026-01-01T00:00:00.500Z', firstReadAt: '2026-01-01T00:00:01.000Z' },
      ...{ bootedAt: '2026-01-01T00:00:21.000Z', bootedBy: 'quiet' },
    },
    reads: {
      ...{ reads: 100, readBytes: 25 * MIB, waitingReads: 7, onDemandBytes: 2 * MIB, stalls: 1, longestWaitMs: 1200 },
      firstReadAt: '2026-01-01T00:00:01.000Z',
    },
    ...overrides,
  }
}

/**
 * A peer that boots what it is asked for; `next` says what becomes of a boot each time it is looked at. The seed is
 * nowhere.
 */
export async function startBootPeer({ next = (boot: Boot) => boot }: { next?: (boot: Boot) => Boot } = {}) {
  const boots = new Map<string, Boot>()
  const requests: BootRequest[] = []
  const tenantTokens: (string | undefined)[] = []
  const addRoutes = (app: HttpApp) => {
    const find = (name: string) => {
      const found = boots.get(name)
      if (found === undefined) throw new ShoalError('SHOAL_BOOT_UNKNOWN', 'There is no such.', { hint: 'List them.' })
      return found
    }
    registerOperation(app, operations.prepareBoot, ({ params: { boot: name }, headers, body }) => {
      requests.push(body)
      tenantTokens.push(headers['x-shoal-tenant-token'])
      const { image = null, overlay = `/overlays/${name}.qcow2` } = body
      const boot = next(buildBoot({ name, image, overlay, state: 'preparing' }))
      boots.set(name, boot)
      return boot
    })
    registerOperation(app, operations.listBoots, () => ({ boots: [...boots.values()] }))
    registerOperation(app, operations.showBoot, ({ params }) => {
      const boot = next(find(params.boot))
      boots.set(params.boot, boot)
      return boot
    })
    registerOperation(app, operations.markBooted, ({ params }) => {
      const boot = find(params.boot)
      const marked = {
        ...boot,
        spans: { ...boot.spans, bootedAt: '2026-01-01T00:00:18.000Z', bootedBy: 'told' as const },
      }
      boots.set(params.boot, marked)
      return marked
    })
    registerOperation(app, operations.releaseBoot, ({ params }) => {
      boots.delete(find(params.boot).name)
      return undefined
    })
  }
  const peer = await startStandInPeer({ addRoutes })
  const access = ['--peer', peer.url, '--token', PEER_TOKEN, '--seed', 'http://127.0.0.1:9']
  return {
    boots,
    requests,
    tenantTokens,
    boot: (...args: string[]) => runCli(['boot', ...args, ...access]),
    bootIn: (env: NodeJS.ProcessEnv, ...args: string[]) => runCli(['boot', ...args, ...access], { env }),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  }
}
