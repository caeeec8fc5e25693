import { join } from 'node:path'
import type { GuestSet } from '../../infra/guests/guest-set.ts'
import { measureCommand } from '../layers/measure-command.ts'
import { qemuRebase, zstd } from '../layers/qemu-makers.ts'

/** One disk stored in one way. */
export interface ReadCase {
  readonly name: string
  /** qcow2, the topmost first; its header names the next, for QEMU. */
  readonly images: readonly [string, ...string[]]
  readonly isCompressed: boolean
}

/** The disk of a set's first middle as a flat image, plain and compressed, and as a chain on the base, plain and compressed. */
export async function readCases(guests: GuestSet, directory: string): Promise<ReadCase[]> {
  const [middle] = guests.middles
  if (middle === undefined) throw new TypeError('a set without middles')
  const { base } = guests
  const { flat } = middle
  const path = (name: string) => join(directory, `${name}.qcow2`)
  await measureCommand(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'qcow2', '-c', flat, path('zlib')])
  await zstd(flat, path('zstd'))
  await qemuRebase.makeMiddle({ base, flat, middle: path('top') })
  await zstd(base, path('base-zstd'))
  await zstd(path('top'), path('top-zstd'), path('base-zstd'))
  return [
    { name: 'plain', isCompressed: false, images: [flat] },
    { name: 'zlib', isCompressed: true, images: [path('zlib')] },
    { name: 'zstd', isCompressed: true, images: [path('zstd')] },
    { name: 'chain', isCompressed: false, images: [path('top'), base] },
    { name: 'chain-zstd', isCompressed: true, images: [path('top-zstd'), path('base-zstd')] },
  ]
}
