import { Worker } from 'node:worker_threads'
import type { Bitfield, Manifest } from '@shoal/core'
import type { VerifyOptions } from './layer-store.ts'

/** What the worker is told. */
export interface VerifyJob {
  readonly path: string
  /** The file counts as gone when it has another inode. */
  readonly inode: string
  readonly sizeBytes: number
  readonly blockLengthBytes: number
  /** Bitmap of the blocks to check; none is before `firstBlock`. */
  readonly present: Uint8Array
  readonly firstBlock: number
  /** The SHA-256 of blocks from `firstBlock` on, 32 bytes each; none behind them is checked. */
  readonly hashes: Uint8Array
  /** Whether to hash the whole file, too. */
  readonly isWhole: boolean
}

export interface VerifyResult {
  readonly type: 'result'
  readonly badBlocks: number[]
  /** Of the whole file, if that was asked for and no block is bad. */
  readonly sha256: string | null
  /** The file is not there, or it is another one. */
  readonly isGone: boolean
}

export type VerifyMessage = VerifyResult | { readonly type: 'progress'; readonly checkedBytes: number }

/** A layer's file, and which blocks of it to check: none outside of the range that is asked for. */
export interface VerifyTarget extends Pick<Manifest, 'sizeBytes' | 'blockLengthBytes' | 'blockHashes'> {
  readonly path: string
  readonly inode: string
  readonly present: Bitfield
}

/** Reads and hashes a layer file in a thread of its own. Rejects with the signal's reason when aborted. */
export function verifyFile(target: VerifyTarget, { signal, onProgress, range }: VerifyOptions): Promise<VerifyResult> {
  const { path, inode, sizeBytes, blockLengthBytes, blockHashes, present } = target
  const { firstBlock, blocks } = range ?? { firstBlock: 0, blocks: present.length }
  // The hashes are copied: cloning a view for the thread would clone the whole buffer below it.
  const hashes = new Uint8Array(blockHashes.subarray(firstBlock * 32, (firstBlock + blocks) * 32))
  const isWhole = range === undefined && present.isFull
  const file = { path, inode, sizeBytes, blockLengthBytes }
  const job: VerifyJob = { ...file, present: present.toBytes(), firstBlock, hashes, isWhole }
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), { workerData: job, execArgv: [] })
    const onAbort = () => {
      reject(signal?.reason)
      void worker.terminate()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    worker.on('message', (message: VerifyMessage) => {
      if (signal?.aborted) return
      if (message.type === 'progress') onProgress?.(message.checkedBytes)
      else resolve(message)
    })
    worker.on('error', reject)
    worker.on('exit', (exitCode) => {
      signal?.removeEventListener('abort', onAbort)
      reject(new Error(`the verify thread ended with ${exitCode}`))
    })
  })
}
