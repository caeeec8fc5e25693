import { isDigest } from '@shoal/core'
import { bootProfileError } from './boot-profile-errors.ts'

const FORMAT = 'shoal-boot-profile'
const VERSION = 1
const MAX_VIRTUAL_SIZE_BYTES = 2 ** 44
const MAX_READ_BYTES = 2 ** 25
const MAX_HEADER_BYTES = 1024
const IMAGE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const READ = /^\[(0|[1-9]\d{0,15}),(0|[1-9]\d{0,15}),(0|[1-9]\d{0,15})\]$/

/** A read of a guest. */
export interface BootRead {
  /** Guest bytes. */
  readonly offset: number
  readonly length: number
  /** Since the boot began. */
  readonly milliseconds: number
}

/** What a machine read while it booted, in order (docs/formats/boot-profile.md). */
export interface BootProfile {
  /** The digest of a layer or the id of an image. */
  readonly recordedOn: string
  readonly virtualSizeBytes: number
  readonly reads: readonly BootRead[]
}

export interface BootProfileLimits {
  readonly maxBytes: number
  readonly maxReads: number
}

/** A boot has some ten thousand reads, of some 25 bytes each. */
export const BOOT_PROFILE_LIMITS: BootProfileLimits = { maxBytes: 16 * 1024 * 1024, maxReads: 262_144 }

/** Reads a profile from its text, or from a stream of it in pieces. Throws `SHOAL_BOOT_PROFILE_*`. */
export async function readBootProfile(
  source: string | AsyncIterable<Uint8Array>,
  { maxBytes, maxReads }: BootProfileLimits = BOOT_PROFILE_LIMITS,
): Promise<BootProfile> {
  const text = await readText(typeof source === 'string' ? [Buffer.from(source)] : source, maxBytes)
  let end = text.indexOf('\n')
  const header = readHeader(text.slice(0, Math.max(0, end)))
  const reads: BootRead[] = []
  while (end + 1 < text.length) {
    if (reads.length === maxReads) throw bootProfileError('SHOAL_BOOT_PROFILE_SIZE', { limit: `${maxReads} reads` })
    const start = end + 1
    end = text.indexOf('\n', start)
    // What has no end is no line: the pattern does not match nothing.
    const [, offset, length, milliseconds] = READ.exec(text.slice(start, Math.max(start, end))) ?? []
    const read = { offset: Number(offset), length: Number(length), milliseconds: Number(milliseconds) }
    checkRead(read, header, reads)
    reads.push(read)
  }
  return { ...header, reads }
}

/** The text of a profile. Throws `SHOAL_BOOT_PROFILE_*` for one that could not be read again. */
export function writeBootProfile({ recordedOn, virtualSizeBytes, reads }: BootProfile): string {
  const header = JSON.stringify({ format: FORMAT, version: VERSION, recordedOn, virtualSizeBytes })
  readHeader(header)
  const before: BootRead[] = []
  const lines = reads.map((read) => {
    checkRead(read, { virtualSizeBytes }, before)
    before.push(read)
    return `[${read.offset},${read.length},${read.milliseconds}]`
  })
  return `${[header, ...lines].join('\n')}\n`
}

async function readText(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, maxBytes: number): Promise<string> {
  const kept: Uint8Array[] = []
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    if (bytes > maxBytes) throw bootProfileError('SHOAL_BOOT_PROFILE_SIZE', { limit: `${maxBytes} bytes` })
    kept.push(piece)
  }
  // A byte for a character: what is not ASCII is then refused where it stands.
  return Buffer.concat(kept).toString('latin1')
}

function readHeader(text: string): Omit<BootProfile, 'reads'> {
  const invalid = (reason: string) => bootProfileError('SHOAL_BOOT_PROFILE_HEADER', { reason })
  if (text.length > MAX_HEADER_BYTES) throw invalid(`its first line has more than ${MAX_HEADER_BYTES} bytes`)
  const { format, version, recordedOn, virtualSizeBytes } = parseObject(text) ?? {}
  if (format !== FORMAT) throw invalid('its first line does not name the format')
  if (version !== VERSION)
    throw bootProfileError('SHOAL_BOOT_PROFILE_VERSION', { version: String(version).slice(0, 20) })
  if (typeof recordedOn !== 'string' || !(isDigest(recordedOn) || IMAGE_ID.test(recordedOn))) {
    throw invalid('it does not say by digest or id what booted')
  }
  const isSize = typeof virtualSizeBytes === 'number' && Number.isInteger(virtualSizeBytes) && virtualSizeBytes >= 1
  if (!isSize || virtualSizeBytes > MAX_VIRTUAL_SIZE_BYTES) throw invalid('its virtual size cannot be')
  return { recordedOn, virtualSizeBytes }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Refuses a read that no line may hold, as line 2 or after. */
function checkRead(
  read: BootRead,
  { virtualSizeBytes }: { virtualSizeBytes: number },
  before: readonly BootRead[],
): void {
  const invalid = (reason: string) => bootProfileError('SHOAL_BOOT_PROFILE_LINE', { line: before.length + 2, reason })
  const { offset, length, milliseconds } = read
  if (!(isCount(offset) && isCount(length) && isCount(milliseconds)))
    throw invalid('it is not three whole numbers in brackets')
  if (length < 1 || length > MAX_READ_BYTES) throw invalid(`it reads ${length} bytes`)
  if (offset + length > virtualSizeBytes) throw invalid('it reads beyond the end of the disk')
  if (milliseconds < (before.at(-1)?.milliseconds ?? 0)) throw invalid('it began before the one before')
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
