import { MAX_STRING_BYTES } from '../protocol.ts'

/** What a client asks with `NBD_OPT_INFO` and `NBD_OPT_GO`. */
export interface InfoRequest {
  readonly name: string
  readonly infos: ReadonlySet<number>
}

/** What a client asks with `NBD_OPT_LIST_META_CONTEXT` and `NBD_OPT_SET_META_CONTEXT`. */
export interface MetaContextRequest {
  readonly name: string
  readonly queries: readonly string[]
}

/** Undefined when the data is not as it must be; so are the others. */
export function parseInfoRequest(data: Buffer): InfoRequest | undefined {
  const fields = new Fields(data)
  const name = fields.string()
  const count = fields.uint16()
  const infos = new Set<number>()
  for (let index = 0; index < count && !fields.isBroken; index += 1) infos.add(fields.uint16())
  return fields.isWhole ? { name, infos } : undefined
}

export function parseMetaContextRequest(data: Buffer): MetaContextRequest | undefined {
  const fields = new Fields(data)
  const name = fields.string()
  const count = fields.uint32()
  const queries: string[] = []
  for (let index = 0; index < count && !fields.isBroken; index += 1) queries.push(fields.string())
  return fields.isWhole ? { name, queries } : undefined
}

/** A string of the protocol: at most 4,096 bytes of UTF-8 without NUL. */
export function parseName(data: Buffer): string | undefined {
  if (data.length > MAX_STRING_BYTES || data.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    return undefined
  }
}

/** Reads fields one after the other; what is not there reads as nothing, and the whole is then broken. */
class Fields {
  readonly #data: Buffer
  #at = 0
  isBroken = false

  constructor(data: Buffer) {
    this.#data = data
  }

  get isWhole(): boolean {
    return !this.isBroken && this.#at === this.#data.length
  }

  uint16(): number {
    const bytes = this.#next(2)
    return bytes === undefined ? 0 : bytes.readUInt16BE()
  }

  uint32(): number {
    const bytes = this.#next(4)
    return bytes === undefined ? 0 : bytes.readUInt32BE()
  }

  /** 32 bits of length, and the string. */
  string(): string {
    const bytes = this.#next(this.uint32())
    const text = bytes && parseName(bytes)
    if (text === undefined) this.isBroken = true
    return text ?? ''
  }

  #next(length: number): Buffer | undefined {
    const end = this.#at + length
    if (end > this.#data.length) {
      this.isBroken = true
      return undefined
    }
    const bytes = this.#data.subarray(this.#at, end)
    this.#at = end
    return bytes
  }
}
