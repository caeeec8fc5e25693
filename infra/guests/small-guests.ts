import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { changeFileSystem } from '../dev/change-file-system.ts'
import type { SourceFile } from '../dev/image-content.ts'
import { runTool } from '../dev/system-tool.ts'
import { usedRanges } from './free-ranges.ts'
import { type GuestMiddle, type GuestSet, PARTITION_OFFSET_BYTES } from './guest-set.ts'
import { writeSmallDisk } from './small-disk.ts'
import { findSmallFiles } from './small-files.ts'

const MIB = 1024 ** 2
/** One in so many of the base's files is gone in a middle, and one in so many of its own came twice and went once. */
const REMOVED_EVERY = 10

export interface SmallGuestOptions {
  readonly middles: number
  /** Files in the base, and in each middle beside them. */
  readonly baseMiB: number
  readonly middleMiB: number
  readonly diskMiB?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes guests of this machine's files in a directory within seconds, without privileges: an ext4 file system and changed copies of it,
 * with files added, removed, and deleted again. They do not start. Needs `qemu-img` and e2fsprogs.
 */
export async function buildSmallGuests(directory: string, options: SmallGuestOptions): Promise<GuestSet> {
  const { middles: count, baseMiB, middleMiB, diskMiB = 512, signal } = options
  const [baseFiles = [], ...shares] = await findSmallFiles([baseMiB, ...Array<number>(count).fill(middleMiB)])
  const disk = join(directory, 'base.raw')
  await writeSmallDisk(disk, baseFiles, { diskMiB, tree: join(directory, 'tree'), signal })
  const base = await toQcow2(disk, join(directory, 'base.qcow2'), signal)
  const middles: GuestMiddle[] = []
  for (const [index, added] of shares.entries()) {
    signal?.throwIfAborted()
    const name = `small-${index + 1}`
    const raw = join(directory, `${name}.raw`)
    await runTool('cp', ['--sparse=always', disk, raw], { signal })
    const removed = baseFiles.filter((_, at) => at % REMOVED_EVERY === index % REMOVED_EVERY)
    await change(raw, { name, added, removed }, signal)
    const untrimmed = await toQcow2(raw, join(directory, `${name}.untrimmed.qcow2`), signal)
    const trimmed = join(directory, `${name}.trimmed.raw`)
    await copyUsed(raw, trimmed)
    const flat = await toQcow2(trimmed, join(directory, `${name}.flat.qcow2`), signal)
    await Promise.all([rm(raw), rm(trimmed)])
    middles.push({ name, flat, untrimmed, installedBytes: added.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) })
  }
  await rm(disk)
  return { base, middles }
}

/** Changes the file system in place: what is not touched keeps its blocks. */
async function change(
  disk: string,
  { name, added, removed }: { name: string; added: readonly SourceFile[]; removed: readonly SourceFile[] },
  signal: AbortSignal | undefined,
): Promise<void> {
  const scratch = added.filter((_, index) => index % REMOVED_EVERY === 0)
  const script = [
    `mkdir /opt/${name}`,
    `cd /opt/${name}`,
    // What is deleted goes last, as downloads do once they are installed: its blocks stay free.
    ...scratch.map(({ path }, index) => `write "${path}" download-${index}`),
    ...added.map(({ path }, index) => `write "${path}" file-${index}`),
    ...scratch.map((_, index) => `rm download-${index}`),
    ...removed.map(({ imagePath }) => `rm "${imagePath}"`),
  ]
  await changeFileSystem(disk, script, { offsetBytes: PARTITION_OFFSET_BYTES, signal })
}

/** A copy of a disk with zeros wherever its file system has nothing. */
async function copyUsed(disk: string, copy: string): Promise<void> {
  await using from = await open(disk)
  await using to = await open(copy, 'w')
  await to.truncate((await from.stat()).size)
  const bytes = Buffer.alloc(MIB)
  for (const { start, end } of await usedRanges(disk)) {
    for (let at = start; at < end; at += MIB) {
      const { bytesRead } = await from.read(bytes, 0, Math.min(MIB, end - at), at)
      await to.write(bytes, 0, bytesRead, at)
    }
  }
}

async function toQcow2(raw: string, image: string, signal: AbortSignal | undefined): Promise<string> {
  await runTool('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, image], { signal })
  return image
}
