import type { Digest } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { BlockLedger } from './block-ledger.ts'
import type { LayerFile } from './layer-file.ts'
import { CHUNK_BLOCKS, presenceOperations } from './presence-record.ts'

/** Makes durable what is in the ledger: first the data, then the record of it. */
export async function saveBlocks(
  ledger: BlockLedger,
  { file, state, digest }: { file: LayerFile; state: StateStore; digest: Digest },
): Promise<void> {
  if (!ledger.hasUnsaved) return
  const blocks = ledger.takeUnsaved()
  try {
    await file.sync()
  } catch (error) {
    ledger.lose(blocks)
    throw error
  }
  const durable = ledger.durableWith(blocks)
  try {
    await state.batch(presenceOperations(digest, durable, chunksOf(blocks)))
  } catch (error) {
    ledger.unsave(blocks)
    throw error
  }
  ledger.saved(durable)
}

function chunksOf(blocks: readonly number[]): Set<number> {
  return new Set(blocks.map((block) => Math.floor(block / CHUNK_BLOCKS)))
}
