import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage } from '@shoal/core'
import type { GuestMiddle } from '../../infra/guests/guest-set.ts'
import { rawBeside } from '../../infra/guests/raw-beside.ts'
import type { LayerMaker } from './layer-maker.ts'
import type { LayerPlace, LayerRow } from './layers-figures.ts'
import { type CommandCost, measureCommand } from './measure-command.ts'
import { qemuRebase, qemuRebaseZstd, zstd } from './qemu-makers.ts'
import { firstDifference } from './same-in-use.ts'
import { shoal } from './shoal-maker.ts'

/** Which layers are made, of what, and where. */
export interface LayerGround {
  readonly base: string
  readonly middle: GuestMiddle
  readonly isInSmallSet: boolean
  readonly variant: 'flat' | 'untrimmed'
  readonly round: number
  /** For what is written, which is removed again. */
  readonly directory: string
}

/** What QEMU's tools make of an image as it is, for comparison. */
export async function measureImage(
  ground: Omit<LayerGround, 'middle' | 'base'> & { name: string; image: string },
): Promise<LayerRow[]> {
  const { name, image, directory, variant, isInSmallSet, round } = ground
  const place = { middle: name, isInSmallSet, variant, round }
  const { size } = await stat(image)
  const original = {
    ...place,
    what: 'original',
    engine: 'none',
    wallSeconds: 0,
    cpuSeconds: 0,
    peakRssMiB: 0,
    bytes: size,
  } as const
  const output = join(directory, 'compressed.qcow2')
  const compressed = await attempt({ ...place, what: 'compress', engine: 'qemu-zstd' }, output, () =>
    zstd(image, output),
  )
  await rm(output, { force: true })
  return [original, compressed]
}

/** One round for one middle: every maker makes it, those that count compose it again, in turns. Everything of ours is checked in the first. */
export async function measureMiddle(ground: LayerGround): Promise<LayerRow[]> {
  const { base, directory, middle: guest, variant, round, isInSmallSet } = ground
  const flat = guest[variant]
  const place = { middle: guest.name, isInSmallSet, variant, round }
  const rows: LayerRow[] = []
  const raw = join(directory, 'flat.raw')
  await measureCommand(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', flat, raw])
  for (const maker of [shoal, qemuRebase, qemuRebaseZstd]) {
    const middle = join(directory, 'middle.qcow2')
    const made = await attempt({ ...place, what: 'middle', engine: maker.name }, middle, () =>
      maker.makeMiddle({ base, flat, middle }),
    )
    rows.push(made)
    const isComposed = !('reason' in made) && maker !== qemuRebase
    if (isComposed) rows.push(...(await composeBoth(maker, { ...ground, made: middle, raw })))
    await rm(middle, { force: true })
  }
  const copy = join(directory, 'copy.raw')
  const cp = () => measureCommand(['cp', '--sparse=always', raw, copy])
  rows.push(await attempt({ ...place, what: 'compose-raw', engine: 'cp-sparse' }, copy, cp))
  await Promise.all([rm(copy, { force: true }), rm(raw)])
  return rows
}

async function composeBoth(
  maker: LayerMaker,
  ground: LayerGround & { made: string; raw: string },
): Promise<LayerRow[]> {
  const { base, directory, middle: guest, made, raw, variant, round, isInSmallSet } = ground
  // The figures compare with what QEMU's convert takes, not with how the chain was made.
  const engine = maker === shoal ? shoal.name : 'qemu-convert'
  const rows: LayerRow[] = []
  for (const format of ['raw', 'qcow2'] as const) {
    const output = join(directory, `composed.${format}`)
    const place = { middle: guest.name, isInSmallSet, variant, round, what: `compose-${format}` as const, engine }
    rows.push(
      await attempt(place, output, async () => {
        const cost = await maker.compose({ base, middle: made, output, format })
        if (round === 0) await check(output, format, raw)
        return cost
      }),
    )
    await rm(output, { force: true })
  }
  return rows
}

/** Rejects unless a composed disk shows what the flat disk shows, wherever its file system looks. */
async function check(output: string, format: 'raw' | 'qcow2', raw: string): Promise<void> {
  const disk = format === 'raw' ? output : await rawBeside(output)
  try {
    const at = await firstDifference(disk, raw)
    if (at !== undefined) throw new Error(`the composed disk is another from byte ${at} on`)
  } finally {
    if (format !== 'raw') await rm(disk)
  }
}

/** A row of what was measured, or of why it was not. */
async function attempt(place: LayerPlace, output: string, work: () => Promise<CommandCost>): Promise<LayerRow> {
  try {
    const { wallSeconds, cpuSeconds, peakRssMiB } = await work()
    const { size: bytes } = await stat(output)
    return { ...place, wallSeconds: hundredths(wallSeconds), cpuSeconds: hundredths(cpuSeconds), peakRssMiB, bytes }
  } catch (error) {
    return { ...place, reason: errorMessage(error).slice(0, 500) }
  }
}

function hundredths(seconds: number): number {
  return Math.round(seconds * 100) / 100
}
