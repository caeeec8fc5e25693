import type { Socket } from 'node:net'
import {
  ALLOCATION_ID,
  CHUNK,
  CHUNK_DONE,
  CHUNK_HEADER_BYTES,
  ERRNO,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
  writeUint64,
} from '../protocol.ts'
import type { ReadRun } from './read-runs.ts'
import { REPLY_HEADROOM_BYTES } from './reply-buffers.ts'
import type { RequestTask } from './request-task.ts'
import type { StatusDescriptor } from './status-descriptors.ts'

/** The offset in front of data or of a hole. */
const OFFSET_BYTES = 8
const HOLE_BYTES = 12
const ERROR_BYTES = 6
const DESCRIPTOR_BYTES = 8

/** Worth a write of its own: the client works on it while the next are read. */
const MAX_HELD_BYTES = 128 * 1024

/** Replies of one connection. Those of one turn of the event loop leave in one write, large ones sooner; `task.onSent` is called when the last byte has. */
export class ReplyWriter {
  readonly #socket: Socket
  readonly #isStructured: boolean
  #isHeld = false
  #heldBytes = 0

  constructor(socket: Socket, { isStructured }: { isStructured: boolean }) {
    this.#socket = socket
    this.#isStructured = isStructured
  }

  /** Success without data. */
  done(task: RequestTask): void {
    this.#write(this.#isStructured ? chunk(task, CHUNK.none, 0) : simple(task, ERRNO.none), task.onSent)
  }

  error(task: RequestTask, errno: number): void {
    if (!this.#isStructured) {
      this.#write(simple(task, errno), task.onSent)
      return
    }
    const bytes = chunk(task, CHUNK.error, ERROR_BYTES)
    bytes.writeUInt32BE(errno, CHUNK_HEADER_BYTES)
    bytes.writeUInt16BE(0, CHUNK_HEADER_BYTES + 4)
    this.#write(bytes, task.onSent)
  }

  /** A read's data as it is in the task's buffer, behind its headroom. The header is put in front of it. */
  data(task: RequestTask): void {
    const headerBytes = this.#isStructured ? CHUNK_HEADER_BYTES + OFFSET_BYTES : SIMPLE_REPLY_BYTES
    const bytes = task.buffer.subarray(REPLY_HEADROOM_BYTES - headerBytes, REPLY_HEADROOM_BYTES + task.length)
    if (this.#isStructured) {
      putChunkHeader(bytes, task, CHUNK.offsetData, OFFSET_BYTES + task.length, CHUNK_DONE)
      writeUint64(bytes, task.offset, CHUNK_HEADER_BYTES)
    } else putSimpleHeader(bytes, task, ERRNO.none)
    this.#write(bytes, task.onSent)
  }

  /** A read's data with zeros left out. Only with structured replies. */
  runs(task: RequestTask, runs: readonly ReadRun[]): void {
    for (const [index, run] of runs.entries()) {
      const isLast = index === runs.length - 1
      const flags = isLast ? CHUNK_DONE : 0
      const onSent = isLast ? task.onSent : undefined
      if (run.isZero) this.#write(hole(task, run, flags), onSent)
      else {
        const header = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + OFFSET_BYTES)
        putChunkHeader(header, task, CHUNK.offsetData, OFFSET_BYTES + run.length, flags)
        writeUint64(header, run.offset, CHUNK_HEADER_BYTES)
        this.#write(header)
        const start = REPLY_HEADROOM_BYTES + run.offset - task.offset
        this.#write(task.buffer.subarray(start, start + run.length), onSent)
      }
    }
  }

  /** Only with structured replies. */
  status(task: RequestTask, descriptors: readonly StatusDescriptor[]): void {
    const bytes = chunk(task, CHUNK.blockStatus, 4 + DESCRIPTOR_BYTES * descriptors.length)
    let at = bytes.writeUInt32BE(ALLOCATION_ID, CHUNK_HEADER_BYTES)
    for (const { length, status } of descriptors) {
      at = bytes.writeUInt32BE(length, at)
      at = bytes.writeUInt32BE(status, at)
    }
    this.#write(bytes, task.onSent)
  }

  #write(bytes: Buffer, onSent?: () => void): void {
    if (!this.#isHeld) {
      this.#isHeld = true
      this.#socket.cork()
      setImmediate(this.#release)
    }
    this.#socket.write(bytes, onSent)
    this.#heldBytes += bytes.length
    if (this.#heldBytes < MAX_HELD_BYTES) return
    this.#heldBytes = 0
    this.#socket.uncork()
    this.#socket.cork()
  }

  readonly #release = () => {
    this.#isHeld = false
    this.#heldBytes = 0
    this.#socket.uncork()
  }
}

function simple(task: RequestTask, errno: number): Buffer {
  const bytes = Buffer.allocUnsafe(SIMPLE_REPLY_BYTES)
  putSimpleHeader(bytes, task, errno)
  return bytes
}

/** A chunk that is the whole reply; its payload is to be filled in. */
function chunk(task: RequestTask, type: number, payloadBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + payloadBytes)
  putChunkHeader(bytes, task, type, payloadBytes, CHUNK_DONE)
  return bytes
}

function hole(task: RequestTask, { offset, length }: ReadRun, flags: number): Buffer {
  const bytes = Buffer.allocUnsafe(CHUNK_HEADER_BYTES + HOLE_BYTES)
  putChunkHeader(bytes, task, CHUNK.offsetHole, HOLE_BYTES, flags)
  writeUint64(bytes, offset, CHUNK_HEADER_BYTES)
  bytes.writeUInt32BE(length, CHUNK_HEADER_BYTES + OFFSET_BYTES)
  return bytes
}

function putSimpleHeader(bytes: Buffer, { cookieHigh, cookieLow }: RequestTask, errno: number): void {
  bytes.writeUInt32BE(SIMPLE_REPLY_MAGIC, 0)
  bytes.writeUInt32BE(errno, 4)
  bytes.writeUInt32BE(cookieHigh, 8)
  bytes.writeUInt32BE(cookieLow, 12)
}

function putChunkHeader(bytes: Buffer, task: RequestTask, type: number, payloadBytes: number, flags: number): void {
  bytes.writeUInt32BE(STRUCTURED_REPLY_MAGIC, 0)
  bytes.writeUInt16BE(flags, 4)
  bytes.writeUInt16BE(type, 6)
  bytes.writeUInt32BE(task.cookieHigh, 8)
  bytes.writeUInt32BE(task.cookieLow, 12)
  bytes.writeUInt32BE(payloadBytes, 16)
}
