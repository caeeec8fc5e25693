import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

const CHUNK_BYTES = 1024 * 1024

// Both of Glance's hashes in one read: os_hash_value (SHA-512) and the older checksum (MD5).
const { path } = workerData as { path: string }
const sha512 = createHash('sha512')
const md5 = createHash('md5')
const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
const descriptor = openSync(path, 'r')
try {
  for (;;) {
    const length = readSync(descriptor, buffer, 0, CHUNK_BYTES, null)
    if (length === 0) break
    const chunk = buffer.subarray(0, length)
    sha512.update(chunk)
    md5.update(chunk)
  }
} finally {
  closeSync(descriptor)
}
parentPort?.postMessage({ sha512: sha512.digest('hex'), md5: md5.digest('hex') })
