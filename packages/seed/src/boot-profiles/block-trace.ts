/**
 * Blocks of a disk's layers in the order in which a boot reads them first, as runs: the layer's place (0: the base),
 * first block, how many.
 */
export type Trace = readonly TraceRun[]
export type TraceRun = readonly [layer: number, firstBlock: number, blocks: number]

/** More than a boot reads, by an order of magnitude: 2 GiB in blocks of 128 KiB. What comes behind is no boot. */
export const MAX_TRACE_BLOCKS = 16_384
/** The most blocks of a layer (a limit of manifests): key of a block = layer * this + block. */
const LAYER_STRIDE = 2 ** 22

/** A file of a disk: how long it is, and how it is cut. */
export interface TracedFile {
  readonly sizeBytes: number
  readonly blockLengthBytes: number
}

/** Collects the blocks of files that are read, each at its first read. */
export class BlockTrace {
  readonly #files: readonly TracedFile[]
  /** A set keeps the order of first insertion. */
  readonly #keys = new Set<number>()

  /** The base's file first. */
  constructor(files: readonly TracedFile[]) {
    this.#files = files
  }

  /** Whether there is no room for more: what is read from now on does not count. */
  get isFull(): boolean {
    return this.#keys.size >= MAX_TRACE_BLOCKS
  }

  /** Bytes of a file are read; what is beyond its end is not there to be fetched. */
  add(layer: number, offset: number, length: number): void {
    const file = this.#files[layer]
    if (file === undefined) throw new TypeError(`no file ${layer}`)
    const end = Math.min(offset + length, file.sizeBytes)
    for (let block = Math.floor(offset / file.blockLengthBytes); block * file.blockLengthBytes < end; block += 1) {
      if (this.isFull) return
      this.#keys.add(layer * LAYER_STRIDE + block)
    }
  }

  runs(): Trace {
    return toRuns(this.#keys)
  }
}

/** The blocks of a trace in order, as numbers that are the same for the same block. */
export function blockKeys(trace: Trace): number[] {
  const keys: number[] = []
  for (const [layer, firstBlock, blocks] of trace) {
    const first = layer * LAYER_STRIDE + firstBlock
    for (let key = first; key < first + blocks; key += 1) keys.push(key)
  }
  return keys
}

/** What {@link blockKeys} has made a number of. */
export function fromBlockKey(key: number): { layer: number; block: number } {
  return { layer: Math.floor(key / LAYER_STRIDE), block: key % LAYER_STRIDE }
}

function toRuns(keys: Iterable<number>): Trace {
  const runs: [number, number, number][] = []
  for (const key of keys) {
    const { layer, block } = fromBlockKey(key)
    const last = runs.at(-1)
    if (last !== undefined && last[0] === layer && last[1] + last[2] === block) last[2] += 1
    else runs.push([layer, block, 1])
  }
  return runs
}
