import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { changeFileSystem, writeCommands } from '../../dev/change-file-system.ts'
import type { SourceFile } from '../../dev/image-content.ts'
import { runTool } from '../../dev/system-tool.ts'
import { PARTITION_OFFSET_BYTES } from '../guest-set.ts'
import { runScript } from '../run-script.ts'
import { writeSmallDisk } from '../small-disk.ts'
import { findSmallFiles } from '../small-files.ts'
import { bootFiles } from './boot-files.ts'
import { writeInitrd } from './write-initrd.ts'

const DISK_MIB = 512
/** One in so many of the base's files is gone in the middle. */
const REMOVED_EVERY = 10
const GUEST_DIRECTORY = '/etc/shoal-guest'

export interface UltralightSize {
  /** Files in the base, and in the middle beside them. */
  readonly baseMiB: number
  readonly middleMiB: number
}

/**
 * Builds the guest in a directory within seconds, without privileges: `vmlinuz`, `initrd`, `base.qcow2` and
 * `flat.qcow2`, which is a snapshot of the base's disk with files added and removed. Needs `qemu-img`, e2fsprogs and
 * Debian's mirror.
 */
export async function buildUltralight(
  directory: string,
  options: UltralightSize & { say: (line: string) => void; signal?: AbortSignal | undefined },
): Promise<void> {
  const { baseMiB, middleMiB, say, signal } = options
  await runScript('ultralight/fetch-kernel.sh', [directory], { say, log: join(directory, 'build.log'), signal })
  await writeInitrd(join(directory, 'initrd'), directory)
  await Promise.all([rm(join(directory, 'modules'), { recursive: true }), rm(join(directory, 'busybox'))])
  say('writing its disks')
  const [ofBase = [], found = []] = await findSmallFiles([baseMiB, middleMiB])
  const ofMiddle = found.map((file) => ({ ...file, imagePath: join('/opt/added', file.imagePath) }))
  const [disk, own] = [join(directory, 'disk.raw'), join(directory, 'own')]
  await mkdir(own)
  const put = async (imagePath: string, text: string): Promise<SourceFile> => {
    const path = join(own, imagePath.replaceAll('/', '_'))
    await writeFile(path, text)
    return { path, imagePath: `${GUEST_DIRECTORY}/${imagePath}`, sizeBytes: text.length, modifiedMs: 0 }
  }
  const baseFiles = [...ofBase, await put('layers/00-base', 'base\n')]
  await writeSmallDisk(disk, baseFiles, { diskMiB: DISK_MIB, tree: join(directory, 'tree'), signal })
  await toQcow2(disk, join(directory, 'base.qcow2'), signal)
  const removed = ofBase.filter((_, index) => index % REMOVED_EVERY === REMOVED_EVERY - 1)
  const kept = ofBase.filter((file) => !removed.includes(file))
  const all = [...kept, ...ofMiddle]
  const read = bootFiles(all)
  const added = [
    await put('checksums', await checksums(read)),
    await put('all-checksums', await checksums(all)),
    await put('layers/50-added', 'ultralight\n'),
  ]
  const script = [
    ...removed.map(({ imagePath }) => `rm "${imagePath}"`),
    ...writeCommands(ofMiddle).filter((command) => command !== 'mkdir "/opt"'),
    ...added.map(({ path, imagePath }) => `write "${path}" "${imagePath}"`),
  ]
  await changeFileSystem(disk, script, { offsetBytes: PARTITION_OFFSET_BYTES, signal })
  await toQcow2(disk, join(directory, 'flat.qcow2'), signal)
  await Promise.all([rm(disk), rm(own, { recursive: true })])
}

/** As md5sum(1) writes and checks them, of paths below the root. */
async function checksums(files: readonly SourceFile[]): Promise<string> {
  const lines = files.map(async ({ path, imagePath }) => {
    const sum = createHash('md5').update(await readFile(path))
    return `${sum.digest('hex')}  ${imagePath.slice(1)}\n`
  })
  return (await Promise.all(lines)).join('')
}

async function toQcow2(raw: string, image: string, signal: AbortSignal | undefined): Promise<void> {
  await runTool('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, image], { signal })
}
