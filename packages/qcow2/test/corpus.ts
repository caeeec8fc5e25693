import { join } from 'node:path'
import { seededRandom } from '@shoal/core'
import { qemuImg, qemuIo } from './qemu-img.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** How an image of the corpus is made; the same seed makes the same image. */
export interface Recipe {
  readonly name: string
  readonly clusterBytes: number
  readonly compression: 'zlib' | 'zstd'
  readonly version: 2 | 3
  readonly virtualSizeBytes: number
  readonly preallocation: 'off' | 'metadata' | 'falloc' | 'full'
  readonly hasExtendedL2: boolean
  /** Virtual size of the image below; none without. */
  readonly backingBytes: number | undefined
  readonly seed: number
}

/** Recipes that cover cluster sizes, compressions, versions, preallocation, and backing files that are shorter and longer. */
export function* recipes(): Generator<Recipe> {
  let seed = 1
  for (let clusterBits = 9; clusterBits <= 21; clusterBits += 1) {
    const clusterBytes = 2 ** clusterBits
    const size = Math.max(4 * MIB, clusterBytes * 24)
    for (const compression of ['zlib', 'zstd'] as const) {
      for (const version of compression === 'zstd' ? ([3] as const) : ([2, 3] as const)) {
        for (const preallocation of ['off', 'metadata', 'falloc', 'full'] as const) {
          for (const backing of [undefined, 'shorter', 'longer'] as const) {
            if (backing !== undefined && preallocation !== 'off') continue
            const virtualSizeBytes = size - (seed % 3 === 0 ? 3 * 512 : 0)
            const backingBytes =
              backing === undefined
                ? undefined
                : backing === 'shorter'
                  ? virtualSizeBytes / 2 - ((virtualSizeBytes / 2) % 512)
                  : size * 2
            const hasExtendedL2 = version === 3 && clusterBits >= 14 && seed % 4 === 0
            const name = `${seed}-${clusterBits}-${compression}-v${version}-${preallocation}-${backing ?? 'alone'}${hasExtendedL2 ? '-subclusters' : ''}`
            yield {
              name,
              clusterBytes,
              compression,
              version,
              virtualSizeBytes,
              preallocation,
              hasExtendedL2,
              backingBytes,
              seed,
            }
            seed += 1
          }
        }
      }
    }
  }
}

/** Makes the image, and the one below if it has one. Topmost first. */
export async function makeImage(directory: string, recipe: Recipe): Promise<string[]> {
  const random = seededRandom(recipe.seed)
  const file = join(directory, `${recipe.name}.qcow2`)
  const files = [file]
  const options = [
    `cluster_size=${recipe.clusterBytes}`,
    `compat=${recipe.version === 2 ? '0.10' : '1.1'}`,
    `preallocation=${recipe.preallocation}`,
    ...(recipe.version === 3 ? [`compression_type=${recipe.compression}`] : []),
    ...(recipe.hasExtendedL2 ? ['extended_l2=on'] : []),
  ]
  const backing: string[] = []
  if (recipe.backingBytes !== undefined) {
    const below = join(directory, `${recipe.name}.below.qcow2`)
    await qemuImg(
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `cluster_size=${recipe.clusterBytes}`,
      below,
      `${recipe.backingBytes}`,
    )
    await qemuIo(below, 'qcow2', commands(recipe.backingBytes, recipe, random))
    backing.push('-b', below, '-F', 'qcow2')
    files.push(below)
  }
  await qemuImg('create', '-q', '-f', 'qcow2', '-o', options.join(','), ...backing, file, `${recipe.virtualSizeBytes}`)
  await qemuIo(file, 'qcow2', commands(recipe.virtualSizeBytes, recipe, random))
  return files
}

/** Writes, compressed writes of whole clusters, zeros with and without their clusters, and discards. */
function commands(size: number, { clusterBytes, version }: Recipe, random: () => number): string[] {
  const sectors = size / 512
  const somewhere = () => {
    const start = Math.floor(random() * sectors)
    const length = 1 + Math.floor(random() * Math.min(sectors - start, (4 * clusterBytes) / 512))
    return `${start * 512} ${Math.min(length, sectors - start) * 512}`
  }
  const cluster = () => `${Math.floor(random() * Math.floor(size / clusterBytes)) * clusterBytes} ${clusterBytes}`
  return Array.from({ length: 24 }, () => {
    const pattern = 1 + Math.floor(random() * 255)
    const kind = Math.floor(random() * 6)
    if (kind === 0) return `write -c -P ${pattern} ${cluster()}`
    if (kind === 1 && version === 3) return `write -z ${somewhere()}`
    if (kind === 2 && version === 3) return `write -z -u ${somewhere()}`
    if (kind === 3) return `discard ${cluster()}`
    return `write -P ${pattern} ${somewhere()}`
  })
}
