import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** In the order in which /init loads them. */
const MODULES = ['virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci', 'virtio_blk']
const DIRECTORIES = ['bin', 'dev', 'disk', 'modules', 'proc']
const DIRECTORY_MODE = 0o040755
const FILE_MODE = 0o100755
const ALIGNMENT_BYTES = 4

/**
 * Writes the guest's first file system: /init, busybox and what the kernel lacks to see its disk. `parts` is what
 * fetch-kernel.sh gave.
 */
export async function writeInitrd(path: string, parts: string): Promise<void> {
  const files = [
    { name: 'init', from: join(import.meta.dirname, 'init') },
    { name: 'bin/busybox', from: join(parts, 'busybox') },
    ...MODULES.map((module) => ({ name: `modules/${module}.ko`, from: join(parts, 'modules', `${module}.ko`) })),
  ]
  const contents = await Promise.all(files.map(({ from }) => readFile(from)))
  const entries = [
    ...DIRECTORIES.map((name, index) => entry(name, { number: index, mode: DIRECTORY_MODE })),
    ...files.map(({ name }, index) => {
      return entry(name, { number: DIRECTORIES.length + index, mode: FILE_MODE, data: contents[index] })
    }),
    entry('TRAILER!!!', { number: 0, mode: 0 }),
  ]
  await writeFile(path, Buffer.concat(entries))
}

/**
 * An entry of a cpio archive in the format "newc" (cpio(5); the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst).
 */
function entry(name: string, file: { number: number; mode: number; data?: Buffer | undefined }): Buffer {
  const { number, mode, data = Buffer.alloc(0) } = file
  const path = Buffer.from(`${name}\0`)
  // Inode, mode, owner, group, links, time, size, four device numbers, length of the name, no checksum.
  const fields = [number, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, path.length, 0]
  const header = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`
  return Buffer.concat([aligned(Buffer.concat([Buffer.from(header), path])), aligned(data)])
}

function aligned(bytes: Buffer): Buffer {
  const missing = -bytes.length & (ALIGNMENT_BYTES - 1)
  return Buffer.concat([bytes, Buffer.alloc(missing)])
}
