import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Chain, guestDigest, Qcow2Image, type RandomAccess, RawImage } from '@shoal/qcow2'

const run = promisify(execFile)
const KIB = 1024

/** An overlay that QEMU made on a raw base, and what a guest sees on it. */
export interface Overlay {
  /** With the name of its backing file in its header, as `qemu-img create -b` leaves it. */
  readonly named: Buffer
  /** Without. */
  readonly stripped: Buffer
  /** The guest's bytes. */
  readonly guest: Buffer
  readonly guestDigest: string
}

/** Makes an overlay on these bytes with data, zeros and a larger disk; `sizeBytes` is that of the disk. */
export async function makeOverlay(base: Buffer, { sizeBytes = base.length + 1024 * KIB } = {}): Promise<Overlay> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-overlay-'))
  try {
    const [below, file, guestFile] = ['base.raw', 'overlay.qcow2', 'guest.raw'].map((name) => join(directory, name))
    if (below === undefined || file === undefined || guestFile === undefined) throw new TypeError('no paths')
    await writeFile(below, base)
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', below, '-F', 'raw', file, String(sizeBytes)])
    const writes = ['write -P 0x5a 70k 300k', 'write -z 1M 128k', `write -P 7 ${sizeBytes - 8 * KIB} 8k`]
    await run('qemu-io', ['-f', 'qcow2', ...writes.flatMap((command) => ['-c', command]), file])
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', file, guestFile])
    const [named, guest] = await Promise.all([readFile(file), readFile(guestFile)])
    await run('qemu-img', ['rebase', '-f', 'qcow2', '-u', '-b', '', file])
    const stripped = await readFile(file)
    return { named, stripped, guest, guestDigest: await guestDigest(new Chain([new RawImage(inMemory(guest))])) }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The guest digest of an overlay's bytes over a raw base that they were not made on. */
export async function digestOver(stripped: Buffer, base: Buffer): Promise<string> {
  return guestDigest(new Chain([await Qcow2Image.open(inMemory(stripped)), new RawImage(inMemory(base))]))
}

function inMemory(bytes: Buffer): RandomAccess {
  return { sizeBytes: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) }
}
