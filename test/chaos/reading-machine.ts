import { join } from 'node:path'
import { ensureUltralight } from '../../infra/guests/ultralight/ensure-ultralight.ts'
import { prepareBoot } from '../harness/prepare-boot.ts'
import { ReadingGuest } from '../harness/reading-guest.ts'
import { until } from '../harness/until.ts'
import type { ChaosGround } from './chaos-ground.ts'

/** Of files in its image. */
const SIZE = { baseMiB: 10, middleMiB: 4 }
const KNOWN_MS = 60_000

/** A virtual machine in QEMU on the first node that checks the sums of all its files again and again, from before the image is there. */
export async function startReadingMachine({ undo, openstack, cluster, nodes }: ChaosGround): Promise<ReadingGuest> {
  const guest = await ensureUltralight({ say: () => {}, size: SIZE })
  const image = await openstack.uploadImageFast({ name: 'guest', file: guest.flat, diskFormat: 'qcow2' })
  const isActive = async () => {
    return (await cluster.client.listImages()).images.some(({ id, status }) => id === image && status === 'active')
  }
  await until('the seed knows that the image is active', isActive, { timeoutMs: KNOWN_MS })
  const boot = await prepareBoot(cluster, nodes[0] ?? '', 'guest', { image, overlay: null })
  return ReadingGuest.start(undo, { guest, qemu: boot.qemu, monitor: join(cluster.directory, 'monitor') })
}
