import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const READ_BYTES = 4 * 1024 ** 2

/** SHA-256 of a file, hexadecimal, in a thread of its own. */
export function fileSha256(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: path })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

if (!isMainThread) {
  const hash = createHash('sha256')
  for await (const data of createReadStream(workerData as string, { highWaterMark: READ_BYTES })) hash.update(data)
  parentPort?.postMessage(hash.digest('hex'))
}
