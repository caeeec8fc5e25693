import { open, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { errorCode } from '@shoal/core'
import { openFiles } from '../cache/open-files.ts'

/** "QFI" and 0xfb. */
const QCOW2_MAGIC = 0x514649fb
/** As far as the fields go that say where a backing file's name is (QEMU docs/interop/qcow2.txt). */
const HEADER_START_BYTES = 20
const MAX_NAME_BYTES = 1023
/** Disks that are looked at side by side. */
const LANES = 8
const BASE_NAME = /^[0-9a-f]{40}$/
const GONE = ['ENOENT', 'ENOTDIR']

/** Who uses base files. */
export interface BaseUsers {
  /** By the base file's name: machines whose disks lie above it, and processes that have it open; for people. */
  readonly users: ReadonlyMap<string, readonly string[]>
  /** False: there is a disk that we may not look into, and it may lie above any of them. */
  readonly isCertain: boolean
}

/**
 * Finds who uses base files: by the backing files that disks of Nova's machines name in their headers, also of machines that are switched
 * off, and by what processes have open. Rather one too many than one too few.
 */
export async function findBaseUsers(
  instancesPath: string,
  basePaths: readonly string[],
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<BaseUsers> {
  const users = new Map<string, string[]>()
  const add = (name: string, user: string) => users.set(name, [...(users.get(name) ?? []), user])
  let isCertain = true
  const disks = (await diskPaths(instancesPath)).values()
  const lane = async () => {
    for (const { machine, path } of disks) {
      signal?.throwIfAborted()
      const backing = await backingName(path)
      if (backing === null) isCertain = false
      const name = basename(backing ?? '')
      if (BASE_NAME.test(name)) add(name, `machine ${machine}`)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  for (const [path, processes] of await openFiles(basePaths, { signal })) {
    for (const one of processes) add(basename(path), one)
  }
  return { users, isCertain }
}

/** Files of machines that may be disks above a base: `disk`, `disk.rescue`, `disk.eph0`, those of a machine that is being resized. */
async function diskPaths(instancesPath: string): Promise<{ machine: string; path: string }[]> {
  const entries = await readdir(instancesPath, { withFileTypes: true })
  const found: { machine: string; path: string }[] = []
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name === 'locks' || entry.name.startsWith('_')) continue
    const directory = join(instancesPath, entry.name)
    const names = await readdir(directory).catch((error: unknown) => {
      if (GONE.includes(errorCode(error) ?? '')) return []
      // One that cannot be listed has a disk that cannot be read.
      return ['disk']
    })
    const disks = names.filter((name) => /^disk(\.|$)/.test(name) && !/\.(info|config)$/.test(name))
    found.push(...disks.map((name) => ({ machine: entry.name, path: join(directory, name) })))
  }
  return found
}

/** What a disk names below it; `undefined` when it names nothing or is gone, `null` when it cannot be read. */
async function backingName(path: string): Promise<string | null | undefined> {
  try {
    await using file = await open(path, 'r')
    const read = async (offset: number, length: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset)
      return buffer.subarray(0, bytesRead)
    }
    const start = await read(0, HEADER_START_BYTES)
    if (start.length < HEADER_START_BYTES || start.readUInt32BE(0) !== QCOW2_MAGIC) return undefined
    const [offset, length] = [Number(start.readBigUInt64BE(8)), start.readUInt32BE(16)]
    if (offset === 0 || length === 0) return undefined
    if (!Number.isSafeInteger(offset) || length > MAX_NAME_BYTES) return null
    return (await read(offset, length)).toString('utf8')
  } catch (error) {
    return GONE.includes(errorCode(error) ?? '') ? undefined : null
  }
}
