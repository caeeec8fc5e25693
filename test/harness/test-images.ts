import { execFile } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CHUNK_BYTES = 8 * 1024 * 1024

/** Writes a raw file of bytes that do not compress and that differ from block to block; `seed` decides which. */
export async function writeRandomRaw(path: string, sizeBytes: number, seed = 1): Promise<void> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16))
  const zeros = Buffer.alloc(CHUNK_BYTES)
  const file = await open(path, 'w')
  try {
    for (let left = sizeBytes; left > 0; left -= CHUNK_BYTES) {
      await file.write(cipher.update(zeros.subarray(0, Math.min(left, CHUNK_BYTES))))
    }
  } finally {
    await file.close()
  }
}

/** A real qcow2 image, made by qemu-img, with that many bytes of data in it. */
export async function writeQcow2(path: string, dataBytes: number, seed = 1): Promise<void> {
  const raw = `${path}.source`
  await writeRandomRaw(raw, dataBytes, seed)
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path])
  await rm(raw)
}
