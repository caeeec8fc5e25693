import { ShoalError } from '@shoal/core'
import { Chain } from '../../../src/chain.ts'
import { readHeader } from '../../../src/header.ts'
import { HEAD_BYTES, inspectImage } from '../../../src/inspect/index.ts'
import { Qcow2Image } from '../../../src/qcow2-image.ts'
import { MemoryAccess } from '../memory-access.ts'
import { type FuzzCase, fuzzCase } from './fuzz-case.ts'

export interface CaseOutcome {
  readonly isAccepted: boolean
  /** What must never be; `undefined` when all was as it should. */
  readonly failure: string | undefined
}

const limits = { maxImageBytes: 1024 ** 4, maxVirtualBytes: 2 * 1024 ** 4 }
/** A hostile image may have as many extents as its tables have entries, and name each table many times: a reader stops when it has had enough. */
const MAX_EXTENTS = 2000
const READ_BYTES = 8192
/** Head and tail are read beside the tables; no table is read twice, but one may lie over others. */
const MAX_READS_OF_FILE = 3
const TAIL_BYTES = 512

/** Gives one mutated image to the inspector and to the reader. */
export async function runCase(seed: number): Promise<CaseOutcome> {
  const fuzz = fuzzCase(seed)
  try {
    const verdict = await inspect(fuzz)
    await readAnything(fuzz)
    if (verdict.isAccepted && fuzz.format === 'qcow2') await readAccepted(fuzz)
    return { isAccepted: verdict.isAccepted, failure: undefined }
  } catch (error) {
    return { isAccepted: false, failure: error instanceof Error ? `${error.stack}` : String(error) }
  } finally {
    fuzz.undo()
  }
}

/** Inspection rejects for nothing that an image may be, and it reads no more than there is. */
async function inspect({ bytes, format, allowsBackingFile }: FuzzCase) {
  const source = new MemoryAccess(bytes)
  const verdict = await inspectImage(source, { format, sizeBytes: bytes.length, allowsBackingFile }, limits)
  const limit = HEAD_BYTES + TAIL_BYTES + MAX_READS_OF_FILE * bytes.length
  if (source.requestedBytes > limit) throw new Error(`${source.requestedBytes} bytes read of ${bytes.length}`)
  const skipped = verdict.checks.filter(({ outcome }) => outcome === 'skipped')
  if (verdict.isAccepted && skipped.length > 0) throw new Error(`accepted without ${skipped.map(({ name }) => name)}`)
  return verdict
}

/** The reader may refuse, with a code, and nothing else. */
async function readAnything({ bytes, isRead }: FuzzCase): Promise<void> {
  await coded(async () => void readHeader(bytes))
  await coded(async () => {
    const image = await Qcow2Image.open(new MemoryAccess(bytes))
    let left = MAX_EXTENTS
    for await (const _ of image.extents(0, image.virtualSizeBytes)) if (left-- === 0) break
    if (!isRead) return
    const chain = new Chain([image])
    for (const at of [0, 1000, image.virtualSizeBytes - 100]) await coded(() => chain.read(Math.max(0, at), READ_BYTES))
  })
}

/** What was accepted can be mapped from end to end, and what it maps can be read or has a fault in its compressed data. */
async function readAccepted({ bytes, isRead }: FuzzCase): Promise<void> {
  const image = await Qcow2Image.open(new MemoryAccess(bytes))
  let end = 0
  for await (const { start, length } of image.extents(0, image.virtualSizeBytes)) {
    if (start !== end) throw new Error(`a gap at ${end}`)
    end = start + length
  }
  if (end !== image.virtualSizeBytes) throw new Error(`the map ends at ${end} of ${image.virtualSizeBytes}`)
  const whole = Math.min(image.virtualSizeBytes, 16 * READ_BYTES)
  if (isRead) await coded(() => new Chain([image]).read(0, whole))
}

async function coded(act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof ShoalError)) throw error
  }
}
