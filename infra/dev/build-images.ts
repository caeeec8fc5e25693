import { randomUUID } from 'node:crypto'
import { access, mkdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { changeFileSystem, writeCommands } from './change-file-system.ts'
import { copyTree, findFiles, type SourceFile } from './image-content.ts'
import { partitionTable } from './partition-table.ts'
import { runTool } from './system-tool.ts'

const MIB = 1024 ** 2
const PARTITION_OFFSET_BYTES = MIB
const FILE_SYSTEM_ID = '6a3d1f52-58c1-4c0f-9f5e-2b7a90c4d1e8'
const SOURCE_DATE_EPOCH = '1767225600'

/** An image to build: a disk with one partition, filled with files of this machine. */
interface Recipe {
  readonly name: string
  readonly diskBytes: number
  /** The recipe, a qcow2 before this one, on whose disk the files are added; without it the disk is new. */
  readonly over?: string
  /** What goes in: files of these folders, in order of their paths, until this many bytes are taken. */
  readonly content: readonly { readonly folders: readonly string[]; readonly as?: string; readonly bytes: number }[]
  readonly format: 'qcow2' | 'raw'
  readonly isCompressed: boolean
  readonly description: { name: string; tags: string[]; properties: Record<string, string> }
}

// Programs, libraries and data, as in a system's image. Folders after the first fill up what the first has not.
const SYSTEM = [
  { folders: ['/usr/bin', '/usr/sbin'], bytes: 40 * MIB },
  { folders: ['/usr/lib'], bytes: 20 * MIB },
  { folders: ['/usr/share'], bytes: 12 * MIB },
]
const APPLICATION = {
  folders: [join(import.meta.dirname, '../../node_modules')],
  as: '/opt/application',
  bytes: 24 * MIB,
}
const PROPERTIES = { os_type: 'linux', shoal_example: 'true' }

const RECIPES: readonly Recipe[] = [
  {
    name: 'example-system',
    diskBytes: 256 * MIB,
    content: SYSTEM,
    format: 'qcow2',
    isCompressed: false,
    description: { name: 'Example system', tags: ['example', 'base'], properties: PROPERTIES },
  },
  {
    name: 'example-application',
    diskBytes: 256 * MIB,
    over: 'example-system',
    content: [APPLICATION],
    format: 'qcow2',
    isCompressed: true,
    description: { name: 'Example application', tags: ['example'], properties: PROPERTIES },
  },
  {
    name: 'example-tools',
    diskBytes: 24 * MIB,
    content: [{ folders: ['/usr/sbin', '/usr/bin'], bytes: 12 * MIB }],
    format: 'raw',
    isCompressed: false,
    description: { name: 'Example tools', tags: ['example', 'small'], properties: PROPERTIES },
  },
]

/** An image that was built, or was there already. */
export interface ExampleImage {
  readonly name: string
  readonly path: string
  readonly format: 'qcow2' | 'raw'
  readonly sizeBytes: number
  readonly wasBuilt: boolean
}

/**
 * Builds the example images of the quick start in a directory: a system as qcow2, the same system with an application
 * added, compressed, and a small raw, each a partitioned disk with an ext4 file system of real files of this machine, and a
 * description for the embedded library beside it. What is there already is left alone; an image appears under its
 * name only when it is complete. Needs `qemu-img`, `mke2fs` and `debugfs`, no privileges.
 */
export async function buildExampleImages(
  directory: string,
  options: { signal?: AbortSignal; onBuild?: (name: string) => void } = {},
): Promise<ExampleImage[]> {
  await mkdir(directory, { recursive: true })
  const images: ExampleImage[] = []
  for (const recipe of RECIPES) {
    options.signal?.throwIfAborted()
    const path = join(directory, `${recipe.name}.${recipe.format}`)
    const wasBuilt = !(await exists(path))
    if (wasBuilt) {
      options.onBuild?.(recipe.name)
      await build(recipe, path, directory, options)
    }
    const { size: sizeBytes } = await stat(path)
    images.push({ name: recipe.name, path, format: recipe.format, sizeBytes, wasBuilt })
  }
  return images
}

async function build(
  recipe: Recipe,
  path: string,
  directory: string,
  options: { signal?: AbortSignal },
): Promise<void> {
  // Beside the images, so that the last step is a rename; with a leading dot, the library does not see it.
  const scratch = join(directory, `.build-${recipe.name}-${randomUUID()}`)
  await mkdir(scratch)
  try {
    const disk = join(scratch, 'disk.raw')
    const files: SourceFile[] = []
    for (const { folders, as, bytes } of recipe.content) {
      files.push(...(await findFiles(folders, { budgetBytes: bytes, as })))
    }
    if (recipe.over === undefined) await buildDisk(recipe, { disk, files, tree: join(scratch, 'tree') }, options)
    else await changeDisk(join(directory, `${recipe.over}.qcow2`), { disk, files }, options)
    const image = join(scratch, 'image')
    if (recipe.format === 'raw') await rename(disk, image)
    else {
      const compression = recipe.isCompressed ? ['-c'] : []
      await runTool('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', ...compression, disk, image], options)
    }
    // The description first: the image must not be seen without it.
    await writeFile(join(directory, `${recipe.name}.json`), `${JSON.stringify(recipe.description, null, 2)}\n`)
    await rename(image, path)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function buildDisk(
  { diskBytes }: Recipe,
  { disk, files, tree }: { disk: string; files: readonly SourceFile[]; tree: string },
  { signal }: { signal?: AbortSignal },
): Promise<void> {
  await copyTree(files, tree, signal === undefined ? {} : { signal })
  const partitionBytes = diskBytes - PARTITION_OFFSET_BYTES
  await writeFile(disk, partitionTable({ startBytes: PARTITION_OFFSET_BYTES, sizeBytes: partitionBytes }))
  await truncate(disk, diskBytes)
  const fixed = [
    '-U',
    FILE_SYSTEM_ID,
    '-E',
    `offset=${PARTITION_OFFSET_BYTES},hash_seed=${FILE_SYSTEM_ID},lazy_itable_init=1`,
  ]
  const size = `${Math.floor(partitionBytes / 1024)}k`
  // Without a journal, and with times of its own, so that the same files make the same disk.
  const flags = ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', ...fixed]
  await runTool('mke2fs', [...flags, '-d', tree, disk, size], { signal, env: { SOURCE_DATE_EPOCH } })
}

/** As a user changes a system: what was there keeps its place on the disk. */
async function changeDisk(
  image: string,
  { disk, files }: { disk: string; files: readonly SourceFile[] },
  { signal }: { signal?: AbortSignal },
): Promise<void> {
  await runTool('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', image, disk], { signal })
  await changeFileSystem(disk, writeCommands(files), { offsetBytes: PARTITION_OFFSET_BYTES, signal })
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

if (import.meta.main) {
  const [directory] = process.argv.slice(2)
  if (directory === undefined) {
    console.error('Usage: node infra/dev/build-images.ts <directory>')
    process.exit(2)
  }
  const started = performance.now()
  for (const image of await buildExampleImages(directory)) {
    console.log(`${image.wasBuilt ? 'built' : 'there'} ${image.path}`)
  }
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`)
}
