import { Worker } from 'node:worker_threads'

export interface FileHashes {
  readonly sha512: string
  readonly md5: string
}

/** Hashes a whole file in a thread of its own, so that a large image does not hold up the event loop. */
export function hashFile(path: string, { signal }: { signal?: AbortSignal } = {}): Promise<FileHashes> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./hash-worker.ts', import.meta.url), { workerData: { path } })
    const onAbort = () => {
      reject(signal?.reason)
      void worker.terminate()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    worker.once('message', (hashes: FileHashes) => resolve(hashes))
    worker.once('error', reject)
    worker.once('exit', (code) => {
      signal?.removeEventListener('abort', onAbort)
      reject(new Error(`the hash thread ended with ${code} and no result`))
    })
  })
}
