import type { BootBlocks, Clock, Digest } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { ownBlocks } from './own-blocks.ts'

/** The part of a source of blocks that is needed here. */
export interface HintPort {
  /** Blocks will be read soon: they come ahead of ordinary fetching, behind what somebody waits for. */
  hint(digest: Digest, firstBlock: number, blocks: number): void
}

export interface ProfilePrefetchDeps {
  readonly source: HintPort
  readonly store: Pick<LayerStore, 'get'>
  readonly clock: Clock
}

/** Blocks that were hinted and are not there yet: 16 to 32 MiB. More would go to the swarm in no order. */
const WINDOW = 128
/**
 * Blocks that are hinted together: the window is filled up bit by bit, so that there is always some of it under way.
 */
const PORTION = 16
const LOOK_MS = 50
/** A layer that is only about to be fetched is looked for less often. */
const ABSENT_MS = 500
/** A hint may be forgotten, being one: those that brought nothing for so long are given again. */
const RENEW_MS = 2000

interface Block {
  readonly stored: StoredLayer
  readonly block: number
}

/**
 * Has the blocks fetched that a boot reads, in the order in which it reads them, ahead of all that nobody waits for.
 * Skips what is there and keeps a window on its way; resolves when all of it is there, and rejects with the signal's
 * reason. `layers`: those wanted; all of the profile when absent. Blocks are hinted once their layer is stored, however
 * little of it.
 */
export async function prefetchProfile(
  { layers: described, runs }: BootBlocks,
  { source, store, clock }: ProfilePrefetchDeps,
  { signal, layers }: { signal: AbortSignal; layers?: ReadonlySet<Digest> },
): Promise<void> {
  const lengths = new Map(described.map(({ digest, blockLengthBytes }) => [digest, blockLengthBytes]))
  let window: Block[] = []
  let newsAt = clock.elapsed()
  const settle = async (most: number): Promise<void> => {
    for (;;) {
      signal.throwIfAborted()
      const left = window.filter(isAbsent)
      if (left.length < window.length) newsAt = clock.elapsed()
      window = left
      if (window.length <= most) return
      if (clock.elapsed() - newsAt >= RENEW_MS) {
        newsAt = clock.elapsed()
        // Whoever was removed from the store meanwhile is of no use to anybody.
        window = window.filter(({ stored }) => store.get(stored.manifest.digest) === stored)
        hintAll(source, window)
      }
      await clock.sleep(LOOK_MS, { signal })
    }
  }
  for (const run of runs) {
    const { digest } = run
    if (layers !== undefined && !layers.has(digest)) continue
    let stored = store.get(digest)
    while (stored === undefined) {
      await clock.sleep(ABSENT_MS, { signal })
      stored = store.get(digest)
    }
    const { first, end } = ownBlocks(run, lengths.get(digest) ?? 0, stored.manifest)
    for (let at = first; at < end; at += PORTION) {
      const absent = absentBlocks(stored, at, Math.min(end, at + PORTION))
      if (absent.length === 0) continue
      await settle(WINDOW - absent.length)
      // An empty window has waited for nothing.
      if (window.length === 0) newsAt = clock.elapsed()
      hintAll(source, absent)
      window.push(...absent)
    }
  }
  await settle(0)
}

function absentBlocks(stored: StoredLayer, first: number, end: number): Block[] {
  const blocks = Array.from({ length: Math.max(0, end - first) }, (_, index) => ({ stored, block: first + index }))
  return blocks.filter(isAbsent)
}

function isAbsent({ stored, block }: Block): boolean {
  return !stored.present.has(block)
}

/** Neighbours in one hint. */
function hintAll(source: HintPort, blocks: readonly Block[]): void {
  let from = 0
  for (const [index, { stored, block }] of blocks.entries()) {
    const next = blocks[index + 1]
    if (next !== undefined && next.stored === stored && next.block === block + 1) continue
    const firstBlock = blocks[from]?.block ?? block
    source.hint(stored.manifest.digest, firstBlock, block + 1 - firstBlock)
    from = index + 1
  }
}
