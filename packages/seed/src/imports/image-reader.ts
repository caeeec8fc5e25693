import type { TokenBucket } from '@shoal/core'
import type { GlanceImage } from '@shoal/openstack'
import { HEAD_BYTES } from '@shoal/qcow2/inspect'
import { HASH_BUFFER_BYTES, type LayerHasher } from './layer-hasher.ts'
import type { StagingFile } from './staging-file.ts'

/** Where an image's bytes come from: one sequential read, from `offset` to the end. */
export interface ImageSource {
  download(
    image: GlanceImage,
    options: {
      offset?: number
      signal?: AbortSignal
      onRequest?: (info: { offset: number; status: number }) => void
      /** Bytes that were read only to get to where the read goes on; waits until they are within the limit. */
      onSkip?: (bytes: number) => Promise<void>
    },
  ): AsyncIterable<Uint8Array>
}

export interface ReadImageOptions {
  readonly image: GlanceImage
  readonly sizeBytes: number
  /** Bytes that are in the staging file already; the library is not asked for them. */
  readonly keptBytes: number
  /** How much is written between two syncs. Bytes. */
  readonly durableBytes: number
  readonly signal: AbortSignal
  /** Sees the first bytes as soon as they are there, until it resolves; what it throws ends the reading. */
  readonly onHead: (head: Uint8Array) => Promise<void>
  readonly onRequest: () => void
  readonly onBytes: (bytes: number) => void
  /** Bytes that the library sent and that are on disk already: a library that knows no Range sends them again. */
  readonly onSkipped: (bytes: number) => void
  /** Called after each sync with the length of the durable prefix. */
  readonly onDurable: (durableBytes: number) => Promise<void>
}

/**
 * Reads an image once into its staging file and hands every byte to the hash worker: first the kept prefix from disk,
 * then the rest from the library at the bucket's rate. Memory is bounded by the hasher's buffers.
 */
export async function readImage(
  deps: { source: ImageSource; bucket: TokenBucket; staging: StagingFile; hasher: LayerHasher },
  options: ReadImageOptions,
): Promise<void> {
  const { source, bucket, staging, hasher } = deps
  const { image, sizeBytes, keptBytes, signal } = options
  const headBytes = Math.min(HEAD_BYTES, sizeBytes)
  await rehash(deps, options)
  if (keptBytes >= headBytes) await options.onHead(await staging.readAt(0, headBytes))

  let buffer = await hasher.buffer()
  let filled = 0
  let written = keptBytes
  let synced = keptBytes
  const flush = async () => {
    await staging.write(buffer.subarray(0, filled), written)
    hasher.update(buffer, filled)
    written += filled
    filled = 0
    if (written - synced >= options.durableBytes || written === sizeBytes) {
      await staging.sync()
      synced = written
      await options.onDurable(synced)
    }
  }
  let isHeadSeen = keptBytes >= headBytes
  if (keptBytes === sizeBytes) return
  const onSkip = async (bytes: number) => {
    options.onSkipped(bytes)
    await bucket.take(bytes, { signal })
  }
  const { onRequest } = options
  for await (const chunk of source.download(image, { offset: keptBytes, signal, onRequest, onSkip })) {
    await bucket.take(chunk.length, { signal })
    options.onBytes(chunk.length)
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + HASH_BUFFER_BYTES - filled)
      buffer.set(part, filled)
      filled += part.length
      taken += part.length
      if (!isHeadSeen && written + filled >= headBytes) {
        isHeadSeen = true
        await options.onHead(
          written === 0 ? buffer.subarray(0, headBytes) : await headOf(deps, buffer, { written, headBytes }),
        )
      }
      if (filled === HASH_BUFFER_BYTES) {
        await flush()
        buffer = await hasher.buffer()
      }
    }
  }
  signal.throwIfAborted()
  if (filled > 0) await flush()
}

async function rehash(
  { staging, hasher }: { staging: StagingFile; hasher: LayerHasher },
  { keptBytes, signal }: ReadImageOptions,
): Promise<void> {
  for (let offset = 0; offset < keptBytes; ) {
    signal.throwIfAborted()
    const buffer = await hasher.buffer()
    const length = Math.min(buffer.length, keptBytes - offset)
    await staging.readInto(buffer.subarray(0, length), offset)
    hasher.update(buffer, length)
    offset += length
  }
}

/** A kept prefix shorter than the head: one part is on disk, the other in the buffer. */
async function headOf(
  { staging }: { staging: StagingFile },
  buffer: Uint8Array,
  { written, headBytes }: { written: number; headBytes: number },
): Promise<Uint8Array> {
  return Buffer.concat([await staging.readAt(0, written), buffer.subarray(0, headBytes - written)])
}
