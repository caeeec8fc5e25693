import { readFileSync, readlinkSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { errorCode } from '@shoal/core'
import { parseLocks } from './proc-locks.ts'

/** A look at one open file takes some microseconds, less than a thread costs; so long at a time nothing else gets its turn. */
const SLICE_MS = 3
/** Processes that are looked at side by side. */
const LANES = 2
/** What is said of a process that ended meanwhile, or that we may not look into. */
const PASSED_OVER: readonly unknown[] = ['EACCES', 'EPERM', 'ENOENT', 'ESRCH']
const DELETED = ' (deleted)'
/** A line of /proc/<pid>/maps (proc(5)) that names a file: its inode number and path. */
const MAPPED_FILE = /^\S+ \S+ \S+ \S+ ([0-9]+) +(\/.*)$/gm

export interface OpenFilesOptions {
  /** Where the process file system is mounted; default `/proc`. */
  readonly procPath?: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Which of these files a process other than ours has open, each with who, for people: `qemu-system-x86 (pid 123)`. Processes of
 * other users show their files to root only; their locks are seen by all, and QEMU locks what it opens. Rather one too many is
 * named than one too few. Rejects when the process file system cannot be read: then nobody knows.
 */
export async function openFiles(
  paths: readonly string[],
  { procPath = '/proc', signal }: OpenFilesOptions = {},
): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = await findFiles(paths)
  if (files.length === 0) return new Map()
  const search = new OpenFileSearch(files, procPath)
  search.takeLocks((await orUndefined(readFile(join(procPath, 'locks'), 'utf8'))) ?? '')
  await search.lookIntoProcesses(signal)
  const users = new Map<string, readonly string[]>()
  for (const file of files) {
    const names = await Promise.all([...file.pids].map((pid) => processName(procPath, pid)))
    if (names.length > 0) users.set(file.path, names)
    else if (file.isLocked) users.set(file.path, ['a process that holds a lock'])
  }
  return users
}

/** A file that is looked for, and what was found so far. */
interface SoughtFile {
  readonly path: string
  readonly inode: string
  readonly device: string
  readonly pids: Set<number>
  /** By whomever. */
  isLocked: boolean
}

class OpenFileSearch {
  readonly #procPath: string
  readonly #byPath: ReadonlyMap<string, SoughtFile>
  readonly #byInode: ReadonlyMap<string, readonly SoughtFile[]>
  readonly #baseNames: ReadonlySet<string>
  #turnEndsAt = 0

  constructor(files: readonly SoughtFile[], procPath: string) {
    this.#procPath = procPath
    this.#byPath = new Map(files.map((file) => [file.path, file]))
    this.#byInode = Map.groupBy(files, ({ inode }) => inode)
    this.#baseNames = new Set(files.map(({ path }) => baseName(path)))
  }

  takeLocks(text: string): void {
    for (const { inode, pid } of parseLocks(text)) {
      if (pid === process.pid) continue
      for (const file of this.#byInode.get(inode) ?? []) {
        if (pid === undefined) file.isLocked = true
        else file.pids.add(pid)
      }
    }
  }

  async lookIntoProcesses(signal: AbortSignal | undefined): Promise<void> {
    const names = await readdir(this.#procPath)
    const pids = names.filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid).values()
    // An iterator that is shared: each lane takes the next process from it.
    const lane = async () => {
      for (const pid of pids) await this.#lookInto(pid, signal)
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  }

  async #lookInto(pid: string, signal: AbortSignal | undefined): Promise<void> {
    const directory = join(this.#procPath, pid, 'fd')
    const descriptors = (await orUndefined(readdir(directory))) ?? []
    // Without any it is a thread of the kernel, or none that shows us what it has.
    if (descriptors.length === 0) return
    for (const descriptor of descriptors) {
      if (performance.now() >= this.#turnEndsAt) await this.#nextTurn(signal)
      const target = passOver(() => readlinkSync(`${directory}/${descriptor}`))
      const file = target === undefined ? undefined : this.#byPath.get(target)
      if (file !== undefined) file.pids.add(Number(pid))
      else if (target !== undefined && this.#isNamedLikeOne(target)) await this.#compare(pid, descriptor)
    }
    const maps = await orUndefined(readFile(join(this.#procPath, pid, 'maps')))
    if (maps !== undefined) this.#takeMaps(pid, maps)
  }

  async #nextTurn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    await setImmediate()
    this.#turnEndsAt = performance.now() + SLICE_MS
  }

  #isNamedLikeOne(target: string): boolean {
    if (!target.startsWith('/')) return false
    return this.#baseNames.has(baseName(target.endsWith(DELETED) ? target.slice(0, -DELETED.length) : target))
  }

  /** Compares an open file by what it is: it may have another path, as a hard link or in another mount namespace. */
  async #compare(pid: string, descriptor: string): Promise<void> {
    const known = inodeOf(join(this.#procPath, pid, 'fdinfo', descriptor))
    // Disks of machines are named like layers; one on a server that is down is not to be touched, which stat does.
    if (known !== undefined && !this.#byInode.has(known)) return
    const status = await orUndefined(stat(join(this.#procPath, pid, 'fd', descriptor), { bigint: true }))
    if (status === undefined) return
    for (const file of this.#byInode.get(String(status.ino)) ?? []) {
      if (file.device === String(status.dev)) file.pids.add(Number(pid))
    }
  }

  /** A file may be mapped into memory and its descriptor closed. The device is not compared, as with locks. */
  #takeMaps(pid: string, maps: Buffer): void {
    if (![...this.#baseNames].some((name) => maps.includes(name))) return
    for (const [, inode = '', path = ''] of maps.toString().matchAll(MAPPED_FILE)) {
      const file = this.#byPath.get(path)
      const found = file !== undefined ? [file] : this.#isNamedLikeOne(path) ? this.#byInode.get(inode) : undefined
      for (const { pids } of found ?? []) pids.add(Number(pid))
    }
  }
}

/** Those of the files that are there. */
async function findFiles(paths: readonly string[]): Promise<SoughtFile[]> {
  const found: SoughtFile[] = []
  for (const path of new Set(paths)) {
    const status = await orUndefined(stat(path, { bigint: true }))
    if (status === undefined) continue
    found.push({ path, inode: String(status.ino), device: String(status.dev), pids: new Set(), isLocked: false })
  }
  return found
}

async function processName(procPath: string, pid: number): Promise<string> {
  const command = await orUndefined(readFile(join(procPath, String(pid), 'comm'), 'utf8'))
  const name = command?.replace(/\n$/, '').replace(/[^ -~]/g, '?') ?? ''
  return `${name === '' ? 'a process' : name} (pid ${pid})`
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The inode number that the kernel tells without asking the file system; older kernels do not. */
function inodeOf(infoPath: string): string | undefined {
  return /^ino:\s*([0-9]+)$/m.exec(passOver(() => readFileSync(infoPath, 'utf8')) ?? '')?.[1]
}

function passOver<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (PASSED_OVER.includes(errorCode(error))) return undefined
    throw error
  }
}

async function orUndefined<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look
  } catch (error) {
    if (PASSED_OVER.includes(errorCode(error))) return undefined
    throw error
  }
}
