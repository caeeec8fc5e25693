import { setImmediate } from 'node:timers/promises'
import { type BootBlocks, type BootLayer, blockSize, type Digest } from '@shoal/core'
import { blockKeys, fromBlockKey, type Trace } from './block-trace.ts'
import type { Touches } from './first-touches.ts'
import { meanLikeness } from './likeness.ts'
import { isStable, mergeTraces, type ScoredRun } from './merge-traces.ts'

/** A layer of a profile, with what says how many bytes a block has. */
export interface ProfileLayer extends BootLayer {
  readonly sizeBytes: number
}

/** What a profile is of: an image, by its id, or a base, for images that have none of their own. */
export type ProfileSubject = string

/** A profile as it is kept: durable, and all that is in memory of it. */
export interface ProfileRecord {
  readonly subject: ProfileSubject
  /** Grows with each change, and is not that of another profile. */
  readonly revision: number
  /** When it last changed. ISO 8601. */
  readonly updatedAt: string
  /** When the last recording came. ISO 8601. */
  readonly recordedAt: string
  /** How many more recordings are wanted. */
  readonly wanted: number
  readonly recordings: number
  /** Mean likeness of the recordings. */
  readonly stability: number
  /** The base first. */
  readonly layers: readonly ProfileLayer[]
  readonly runs: readonly ScoredRun[]
}

/** A boot of which a profile was made. */
export interface KeptRecording {
  readonly image: string
  readonly node: string
  readonly at: string
  /** What it read of the disk, so that it can be told anew when the image gets other layers; empty for a base. */
  readonly touches: Touches
  readonly trace: Trace
}

/** Of the newest recording. Shares of whole numbers are exact: what all have read has a share of 1. */
const WEIGHT = 2 ** 20

/** What a profile is made of beside its recordings. */
export interface ProfileAbout extends Pick<ProfileRecord, 'subject' | 'layers' | 'wanted' | 'revision'> {
  /** The one that it replaces. */
  readonly before: ProfileRecord | undefined
  /** How much a recording counts beside the one that came after it: 1 or less. */
  readonly decay: number
}

/** The profile that recordings of these layers make, the oldest first. Lets others have their turn in between. */
export async function makeRecord(
  recordings: readonly KeptRecording[],
  about: ProfileAbout,
  now: string,
): Promise<ProfileRecord> {
  const { before, subject, layers, wanted, decay } = about
  const traces = recordings.map(({ trace }) => trace)
  const weights = traces.map((_, index) => Math.round(WEIGHT * decay ** (traces.length - 1 - index)))
  const runs = await mergeTraces(traces, weights)
  await setImmediate()
  const isSame = before !== undefined && hasLayers(before, layers) && isSameRuns(before.runs, runs)
  return {
    ...{ subject, layers, wanted, runs },
    revision: isSame ? before.revision : about.revision,
    updatedAt: isSame ? before.updatedAt : now,
    recordedAt: recordings.at(-1)?.at ?? now,
    recordings: recordings.length,
    stability: meanLikeness(traces),
  }
}

/** Whether a profile is of these layers, cut as they are. */
export function hasLayers({ layers }: Pick<ProfileRecord, 'layers'>, others: readonly ProfileLayer[]): boolean {
  if (layers.length !== others.length) return false
  return layers.every(({ digest, blockLengthBytes }, index) => {
    return digest === others[index]?.digest && blockLengthBytes === others[index].blockLengthBytes
  })
}

/** The blocks that a boot surely reads. */
export function stableKeys({ runs }: Pick<ProfileRecord, 'runs'>): Set<number> {
  const stable = runs.filter(([, , , score]) => isStable(score))
  return new Set(blockKeys(stable.map(([layer, firstBlock, blocks]) => [layer, firstBlock, blocks])))
}

/** Bytes of all its blocks. */
export function profileBytes({ layers, runs }: Pick<ProfileRecord, 'layers' | 'runs'>): number {
  const all = blockKeys(runs.map(([layer, firstBlock, blocks]) => [layer, firstBlock, blocks]))
  return all.reduce((sum, key) => {
    const { layer, block } = fromBlockKey(key)
    const geometry = layers[layer]
    return geometry === undefined ? sum : sum + blockSize({ ...geometry, pieceLengthBytes: 0 }, block)
  }, 0)
}

/** Bytes of those of its blocks that are of one layer. */
export function layerBytes({ layers, runs }: Pick<ProfileRecord, 'layers' | 'runs'>, digest: Digest): number {
  const index = layers.findIndex((layer) => layer.digest === digest)
  const { blockLengthBytes = 0, sizeBytes = 0 } = layers[index] ?? {}
  return runs.reduce((sum, [layer, firstBlock, blocks]) => {
    if (layer !== index) return sum
    return sum + Math.min((firstBlock + blocks) * blockLengthBytes, sizeBytes) - firstBlock * blockLengthBytes
  }, 0)
}

/** As nodes get it. */
export function toBootBlocks({ revision, recordings, updatedAt, layers, runs }: ProfileRecord): BootBlocks {
  return {
    ...{ revision, recordings },
    createdAt: Date.parse(updatedAt),
    layers: layers.map(({ digest, blockLengthBytes, blocks }) => ({ digest, blockLengthBytes, blocks })),
    runs: runs.flatMap(([layer, firstBlock, blocks, score]) => {
      const digest = layers[layer]?.digest
      return digest === undefined ? [] : [{ digest, firstBlock, blocks, score }]
    }),
  }
}

function isSameRuns(one: readonly ScoredRun[], other: readonly ScoredRun[]): boolean {
  return (
    one.length === other.length && one.every((run, index) => run.every((value, at) => value === other[index]?.[at]))
  )
}
