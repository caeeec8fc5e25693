import { randomInt } from 'node:crypto'
import { carryOut } from '../prefetch/carry-out.ts'
import type { BootFleet } from './boot-fleet.ts'
import type { BootGround } from './boot-ground.ts'
import { chainDisks } from './chain-disks.ts'
import type { DiskSource } from './disk-source.ts'
import { libraryTake } from './library-take.ts'
import { type BootRun, measureBoots } from './measure-boots.ts'
import { localDisks, pulledDisks, torrentDisks } from './plain-disks.ts'
import { preparedDisks } from './prepared-disks.ts'

/** Ways to boot by Shoal, in the order in which one fleet is measured: each leaves what the next needs. */
export const OUR_VARIANTS = ['on-demand', 'profiled', 'planned', 'planned-chain'] as const
/** Ways without it: the bound and what is usual. */
export const PLAIN_VARIANTS = ['local', 'glance', 'torrent'] as const
/** For what was recorded to reach the seed. */
const RECORDED_MS = 15_000

export type OurVariant = (typeof OUR_VARIANTS)[number]
export type PlainVariant = (typeof PLAIN_VARIANTS)[number]
export type Variant = OurVariant | PlainVariant

export interface OurRun extends BootRun {
  /**
   * From the plan's creation until its last node was ready, before the boots were asked for; `null`: there was no
   * plan.
   */
  readonly planSeconds: number | null
  /** Bytes of both layers over those of the flat image. */
  readonly layersOverFlat: number
  /**
   * All that the library's link carried when the images were imported and in this variant (the plan included), over
   * the images' size.
   */
  readonly libraryCopies: number
  /** Of the seed and all peers while guests booted, for one guest. */
  readonly daemonCpuSeconds: number
  /** How often Glance was asked for bytes of the two images, by its own log; `null`: it is not Glance. */
  readonly imageReads: number | null
  /** What the image's boot profile foretold when the boots were asked for. 0: it had none. */
  readonly profileMB: number
}

export async function measurePlain(
  ground: BootGround,
  variant: PlainVariant,
  { timeoutMs }: { timeoutMs: number },
): Promise<BootRun> {
  const sources = { local: localDisks, glance: pulledDisks, torrent: torrentDisks }
  await using disks = await sources[variant](ground)
  return await measureBoots(ground, disks, { timeoutMs })
}

export async function measureOurs(
  ground: BootGround,
  fleet: BootFleet,
  variant: OurVariant,
  { timeoutMs }: { timeoutMs: number },
): Promise<OurRun> {
  const { images, guest } = ground
  if (variant === 'profiled') await ensureProfile(ground, fleet, { timeoutMs })
  if (variant !== 'planned-chain') await fleet.empty()
  const before = await libraryTake(ground)
  const profile = await fleet.client.showBootProfile({ params: { image: images.flat } })
  const planSeconds = variant.startsWith('planned') ? await carryOutPlan(ground, fleet, { timeoutMs }) : null
  const disks: DiskSource = variant === 'planned-chain' ? chainDisks(fleet) : preparedDisks(fleet, images.flat)
  await using _ = disks
  const cpuSeconds = fleet.cpuSeconds()
  const run = await measureBoots(ground, disks, { timeoutMs })
  const daemonCpuSeconds = (fleet.cpuSeconds() - cpuSeconds) / run.nodes
  const own = await libraryTake(ground, before)
  const { imported } = fleet
  return {
    ...{ ...run, planSeconds },
    daemonCpuSeconds: round(daemonCpuSeconds),
    layersOverFlat: round(fleet.layerBytes / guest.flatBytes),
    libraryCopies: round((imported.linkBytes + own.linkBytes) / images.bytes),
    imageReads: imported.imageReads === null ? null : imported.imageReads + (own.imageReads ?? 0),
    profileMB: round(profile.bytes / 1e6),
  }
}

/** Of a plan for every node. When they have it already it is done at once. */
async function carryOutPlan(
  { images }: BootGround,
  { client }: BootFleet,
  { timeoutMs }: { timeoutMs: number },
): Promise<number> {
  const order = { name: `plan-${randomInt(1e9)}`, image: images.flat }
  return round((await carryOut(client, order, { timeoutMs })).lastSeconds)
}

/** The boots without profile were recorded; where there were none, nodes boot once more. */
async function ensureProfile(ground: BootGround, fleet: BootFleet, options: { timeoutMs: number }): Promise<void> {
  const isThere = await fleet.profiled({ timeoutMs: RECORDED_MS }).then(
    () => true,
    () => false,
  )
  if (isThere) return
  {
    await using disks = preparedDisks(fleet, ground.images.flat)
    await measureBoots(ground, disks, options)
  }
  await fleet.profiled(options)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
