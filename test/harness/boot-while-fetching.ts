import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Boot } from '@shoal/api'
import { ensureUltralight, type UltralightGuest } from '../../infra/guests/ultralight/ensure-ultralight.ts'
import { type Cluster, type ClusterOptions, createCluster } from './cluster.ts'
import { onlyImage, prepareBoot } from './prepare-boot.ts'
import { ReadingGuest } from './reading-guest.ts'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

const MIB = 1024 * 1024
/** Of files in the image. */
const SIZE = { baseMiB: 10, middleMiB: 4 }
/**
 * What nodes receive: little of what no machine waits for, so that the image does not come by itself meanwhile, however
 * slow this computer; and not much of the rest, so that the guest has not read everything, however fast it is.
 */
const SLOW = { prefetchBytesPerSecond: 64 * 1024, downBytesPerSecond: 1 * MIB }
const FAST = { prefetchBytesPerSecond: null, downBytesPerSecond: null }
/** Files by which a guest has begun to read, and has not read far. */
const FIRST_FILES = 3
/** The image has more than that, of any machine's files. */
const MIN_FILES = 20

/** A cluster whose library has an image that starts. */
export interface BootGround {
  readonly undo: Undo
  readonly cluster: Cluster
  readonly image: string
  readonly guest: UltralightGuest
}

/** Something that reads its disk at node1. */
export interface ReadingBoot extends BootGround {
  readonly boot: Boot
  readonly reader: ReadingGuest
  /** What is there of it now, and what was read. */
  readonly show: () => Promise<Boot>
  /** Lets the rest come as fast as it can. */
  readonly hurry: () => Promise<void>
}

/** Starts a cluster that does not know its image yet, nor limits. */
export async function startBootGround(undo: Undo, options: Omit<ClusterOptions, 'library'>): Promise<BootGround> {
  const guest = await ensureUltralight({ say: () => {}, size: SIZE })
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  await copyFile(guest.flat, join(library, 'disk.qcow2'), constants.COPYFILE_FICLONE)
  const cluster = await createCluster(undo, { ...options, library: { directory: library } })
  await cluster.startSeed()
  await cluster.startPeers()
  return { undo, cluster, image: await onlyImage(cluster), guest }
}

/**
 * Boots the image at node1 over slow links, and waits until the guest reads while a part of the image is there.
 * `change` makes something else of the words for QEMU's command line than what the node says.
 */
export async function bootWhileFetching(
  ground: BootGround,
  { change = (qemu) => qemu, overlay }: { change?: (qemu: string) => string; overlay?: null } = {},
): Promise<ReadingBoot> {
  const { undo, cluster, image, guest } = ground
  await cluster.client.setLimits({ body: { node: SLOW } })
  const boot = await prepareBoot(cluster, 'node1', 'vm1', { image, ...(overlay === null ? { overlay } : {}) })
  const reader = await ReadingGuest.start(undo, {
    ...{ guest, qemu: change(boot.qemu), monitor: join(cluster.directory, 'monitor') },
  })
  const show = async () => (await cluster.peerClient('node1')).showBoot({ params: { boot: 'vm1' } })
  await reader.reads(FIRST_FILES)
  const hurry = async () => void (await cluster.client.setLimits({ body: { node: FAST } }))
  const booted = { ...ground, boot, reader, show, hurry }
  await assertPartly(booted)
  return booted
}

/** What is done to a machine's sources proves nothing when it needs none any more. */
export async function assertPartly({ show }: Pick<ReadingBoot, 'show'>): Promise<void> {
  const { presentBytes, totalBytes } = await show()
  assert.ok(presentBytes < totalBytes, 'all of the image is there already')
}

/** Waits until the machine needs nobody else any more. */
export async function wholeImage({ show }: Pick<ReadingBoot, 'show'>): Promise<void> {
  await until('the image is there', async () => {
    const { presentBytes, totalBytes } = await show()
    return presentBytes === totalBytes
  })
}

/** Waits until a read of the machine has waited for a second more than all before. */
export async function standsStill({ show }: Pick<ReadingBoot, 'show'>): Promise<void> {
  const { reads } = await show()
  await until('the machine waits for its disk', async () => (await show()).reads.stalls > reads.stalls)
}

/** Waits until the machine comes to the end of all files, and checks that whatever it has read so far was right. */
export async function readsAllRight({ reader }: Pick<ReadingBoot, 'reader'>): Promise<void> {
  const { rounds } = reader.verdicts
  const { right, ...rest } = await reader.until('reads the rest', (verdicts) => verdicts.rounds >= rounds + 1)
  assert.ok(right > MIN_FILES, `${right} files were right`)
  assert.deepEqual(rest, { rounds: rest.rounds, wrong: 0, unreadable: 0 })
}
