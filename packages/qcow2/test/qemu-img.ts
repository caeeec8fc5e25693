import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Extent } from '../src/extent.ts'

const run = promisify(execFile)
const MAX_OUTPUT = 64 * 1024 * 1024

/** Runs the real qemu-img. */
export async function qemuImg(...args: string[]): Promise<string> {
  const { stdout } = await run('qemu-img', args, { maxBuffer: MAX_OUTPUT })
  return stdout
}

/**
 * Runs commands of the real qemu-io on an image: "write -P 5 0 64k" and so on. It refuses some, such as a compressed write over a
 * cluster that is there, and goes on with the next: what the image then is remains for qemu-img to say.
 */
export async function qemuIo(file: string, format: string, commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return
  const argv = ['-f', format, ...commands.flatMap((command) => ['-c', command]), file]
  await run('qemu-io', argv, { maxBuffer: MAX_OUTPUT }).catch((error: { code?: unknown }) => {
    if (error.code !== 1) throw error
  })
}

/** An entry of `qemu-img map --output=json`. */
export interface QemuExtent {
  readonly start: number
  readonly length: number
  readonly depth: number
  readonly present: boolean
  readonly zero: boolean
  readonly data: boolean
  readonly offset?: number
}

/**
 * What qemu-img says of an image, less what it adds from elsewhere: that the image's own file has a hole where a cluster is (data that is zero),
 * and where the cluster of a subcluster lies that is not there itself.
 */
export async function qemuMap(file: string, format = 'qcow2'): Promise<QemuExtent[]> {
  const extents = JSON.parse(await qemuImg('map', '--output=json', '-f', format, file)) as QemuExtent[]
  return joined(
    extents.map(({ start, length, depth, present, zero, data, offset }) => {
      const extent = { start, length, depth, present, zero: zero && !data, data }
      return offset === undefined || !present ? extent : { ...extent, offset }
    }),
  )
}

/** Our map in QEMU's words. */
export function likeQemu(extents: readonly Extent[]): QemuExtent[] {
  return joined(
    extents.map(({ start, length, kind, depth, host }) => ({
      ...{ start, length, depth },
      present: kind !== 'hole',
      zero: kind === 'zero' || kind === 'hole',
      data: kind === 'data' || kind === 'compressed',
      ...(host === undefined ? {} : { offset: host }),
    })),
  )
}

function joined(extents: readonly QemuExtent[]): QemuExtent[] {
  const result: QemuExtent[] = []
  for (const extent of extents) {
    const last = result.at(-1)
    const isAlike = last?.depth === extent.depth && last.present === extent.present && last.zero === extent.zero
    const isNext =
      last?.offset === undefined ? extent.offset === undefined : extent.offset === last.offset + last.length
    if (last !== undefined && isAlike && isNext)
      result[result.length - 1] = { ...last, length: last.length + extent.length }
    else result.push(extent)
  }
  return result
}
