import { open } from 'node:fs/promises'
import type { Geometry } from '@shoal/core'
import type { HashResult } from '../imports/hash-worker.ts'
import { LayerHasher } from '../imports/layer-hasher.ts'
import type { SignatureParameters } from '../signatures/signature-parameters.ts'

export interface HashLayerOptions {
  readonly geometry: Geometry
  readonly signal: AbortSignal
  readonly head?: Buffer | undefined
  readonly signature?: SignatureParameters | undefined
}

/**
 * Every hash of a layer file that is there already, computed in a thread, and whether it has a signature. `head`: what its first bytes
 * are going to be.
 */
export async function hashLayer(
  image: string,
  path: string,
  { geometry, signal, head, signature }: HashLayerOptions,
): Promise<HashResult> {
  await using file = await open(path, 'r')
  await using hasher = new LayerHasher(image, { ...geometry, algorithm: 'sha256', signature })
  for (let at = 0; at < geometry.sizeBytes; ) {
    signal.throwIfAborted()
    const buffer = await hasher.buffer()
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at)
    if (bytesRead === 0) throw new Error(`${path} ends at byte ${at}`)
    if (head !== undefined && at < head.length) buffer.set(head.subarray(at, at + bytesRead))
    hasher.update(buffer, bytesRead)
    at += bytesRead
  }
  // Awaited here: leaving ends the thread.
  return await hasher.finish()
}
