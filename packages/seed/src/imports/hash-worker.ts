import { constants, createHash, createPublicKey, createVerify, type Hash, type Verify } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import type { SignatureParameters } from '../signatures/signature-parameters.ts'

/** What a hash worker is started with. */
export interface HashWorkerOptions {
  readonly sizeBytes: number
  readonly blockLengthBytes: number
  readonly pieceLengthBytes: number
  /** Name of the library's own hash for node:crypto. */
  readonly algorithm: string
  /** A signature that the bytes are said to have. */
  readonly signature?: SignatureParameters | undefined
}

/** Bytes to hash, in order; the buffer comes back by {@link HashReply} so that it can be filled again. */
export type HashRequest = { type: 'data'; buffer: ArrayBuffer; length: number } | { type: 'end' }

export type HashReply = { type: 'hashed'; buffer: ArrayBuffer; length: number } | ({ type: 'result' } & HashResult)

export interface HashResult {
  /** Hexadecimal, by the library's algorithm. */
  readonly imageHash: string
  readonly sha256: Uint8Array
  /** SHA-256 of each block, 32 bytes each. */
  readonly blockHashes: Uint8Array
  /** SHA-1 of each piece, 20 bytes each. */
  readonly pieceHashes: Uint8Array
  /** Whether the bytes have the signature that was asked about; `undefined` when none was. */
  readonly isSigned: boolean | undefined
}

/** Hashes of consecutive parts of one length, written one after the other. */
class PartHashes {
  readonly hashes: Uint8Array
  readonly #algorithm: string
  readonly #partBytes: number
  readonly #hashBytes: number
  #hash: Hash
  #filled = 0
  #parts = 0

  constructor(algorithm: string, options: { hashBytes: number; partBytes: number; sizeBytes: number }) {
    this.#algorithm = algorithm
    this.#partBytes = options.partBytes
    this.#hashBytes = options.hashBytes
    this.#hash = createHash(algorithm)
    this.hashes = new Uint8Array(Math.ceil(options.sizeBytes / options.partBytes) * options.hashBytes)
  }

  update(data: Uint8Array): void {
    for (let offset = 0; offset < data.length; ) {
      const part = data.subarray(offset, offset + this.#partBytes - this.#filled)
      this.#hash.update(part)
      this.#filled += part.length
      offset += part.length
      if (this.#filled === this.#partBytes) this.#close()
    }
  }

  end(): Uint8Array {
    if (this.#filled > 0) this.#close()
    return this.hashes
  }

  #close(): void {
    this.hashes.set(this.#hash.digest(), this.#parts * this.#hashBytes)
    this.#parts += 1
    this.#filled = 0
    this.#hash = createHash(this.#algorithm)
  }
}

/** A signature over all bytes, whose hash is one more. */
class SignedBytes {
  readonly #parameters: SignatureParameters
  readonly #verify: Verify

  constructor(parameters: SignatureParameters) {
    this.#parameters = parameters
    this.#verify = createVerify(parameters.algorithm)
  }

  update(data: Uint8Array): void {
    this.#verify.update(data)
  }

  end(): boolean {
    const { publicKey, signature, saltBytes } = this.#parameters
    const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
    const padding = saltBytes === undefined ? {} : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltBytes }
    try {
      return this.#verify.verify({ key, ...padding }, signature)
    } catch {
      // OpenSSL's word for a signature that is none at all.
      return false
    }
  }
}

if (parentPort !== null) {
  const port = parentPort
  const { sizeBytes, blockLengthBytes, pieceLengthBytes, algorithm, signature } = workerData as HashWorkerOptions
  const image = createHash(algorithm)
  const whole = createHash('sha256')
  const blocks = new PartHashes('sha256', { hashBytes: 32, partBytes: blockLengthBytes, sizeBytes })
  const pieces = new PartHashes('sha1', { hashBytes: 20, partBytes: pieceLengthBytes, sizeBytes })
  const signed = signature && new SignedBytes(signature)
  port.on('message', (request: HashRequest) => {
    if (request.type === 'data') {
      const data = new Uint8Array(request.buffer, 0, request.length)
      for (const hash of [image, whole, blocks, pieces]) hash.update(data)
      signed?.update(data)
      const { buffer, length } = request
      port.postMessage({ type: 'hashed', buffer, length } satisfies HashReply, [buffer])
      return
    }
    const reply: HashReply = {
      type: 'result',
      imageHash: image.digest('hex'),
      sha256: new Uint8Array(whole.digest()),
      blockHashes: blocks.end(),
      pieceHashes: pieces.end(),
      isSigned: signed?.end(),
    }
    port.postMessage(reply)
  })
}
