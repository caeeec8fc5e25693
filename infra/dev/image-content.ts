import { constants, type Dirent } from 'node:fs'
import { copyFile, lstat, mkdir, readdir, utimes } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

const MAX_FILES = 20_000
const MAX_FILE_BYTES = 24 * 1024 ** 2
// Thousands of small files would cost most of the time and, in the file system, most of the inodes.
const MIN_FILE_BYTES = 12 * 1024
const READABLE_BY_ALL = 0o004

export interface SourceFile {
  readonly path: string
  /** Where it lies in the image. */
  readonly imagePath: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}

/**
 * Regular files of these folders that everyone may read (an image is handed on, so no secret of this machine may get
 * into it), folder by folder and by path within one, until their sizes
 * reach the budget. The same machine gives the same files. In the image they keep their paths, or lie below `as`.
 */
export async function findFiles(
  folders: readonly string[],
  { budgetBytes, as }: { budgetBytes: number; as?: string | undefined },
): Promise<SourceFile[]> {
  const found: SourceFile[] = []
  let left = budgetBytes
  for (const folder of folders) {
    for await (const file of walk(folder)) {
      if (file.sizeBytes > left) continue
      found.push(as === undefined ? file : { ...file, imagePath: join(as, relative(folder, file.path)) })
      left -= file.sizeBytes
      if (left < MIN_FILE_BYTES || found.length >= MAX_FILES) return found
    }
  }
  return found
}

/** Copies files below a folder, under their paths in the image and with their times. Files named twice are copied once. */
export async function copyTree(
  files: readonly SourceFile[],
  folder: string,
  { signal }: { signal?: AbortSignal } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const made = new Set<string>()
  for (const file of new Map(files.map((each) => [each.imagePath, each])).values()) {
    signal?.throwIfAborted()
    const target = join(folder, file.imagePath)
    const parent = dirname(target)
    if (!made.has(parent)) await mkdir(parent, { recursive: true })
    made.add(parent)
    await copyFile(file.path, target, constants.COPYFILE_FICLONE)
    await utimes(target, file.modifiedMs / 1000, file.modifiedMs / 1000)
  }
}

async function* walk(folder: string): AsyncGenerator<SourceFile> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch {
    // A folder that is not there or not ours has nothing to give.
    return
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (entry.isFile()) yield* readable(path)
  }
}

async function* readable(path: string): AsyncGenerator<SourceFile> {
  try {
    const stats = await lstat(path)
    if (stats.size < MIN_FILE_BYTES || stats.size > MAX_FILE_BYTES || (stats.mode & READABLE_BY_ALL) === 0) return
    yield { path, imagePath: path, sizeBytes: stats.size, modifiedMs: Math.floor(stats.mtimeMs) }
  } catch {
    // It went away between the listing and the look.
  }
}
