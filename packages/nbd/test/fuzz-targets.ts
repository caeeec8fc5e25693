import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import { haggle } from '../src/handshake/haggle.ts'
import { MemoryDevice } from '../src/memory-device.ts'
import { MemoryExports } from '../src/memory-exports.ts'
import { OPTION, OPTION_MAGIC, REQUEST_MAGIC } from '../src/protocol.ts'
import { RequestReader } from '../src/transmission/request-reader.ts'

const FLAGS = Buffer.from([0, 0, 0, 3])
const { signal } = new AbortController()

function option(number: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(16)
  OPTION_MAGIC.copy(head)
  head.writeUInt32BE(number, 8)
  head.writeUInt32BE(data.length, 12)
  return Buffer.concat([head, data])
}

/** A name with its length, and what follows it. */
function named(name: string, rest: Buffer = Buffer.alloc(2)): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(name.length)
  return Buffer.concat([head, Buffer.from(name), rest])
}

function request(type: number, length = 4096): Buffer {
  const bytes = Buffer.alloc(28)
  bytes.writeUInt32BE(REQUEST_MAGIC)
  bytes.writeUInt16BE(type, 6)
  bytes.writeUInt32BE(length, 24)
  return type === 1 ? Buffer.concat([bytes, Buffer.alloc(length)]) : bytes
}

/** As much of a socket as a handshake uses: what was sent has left at once, and what is said comes with the first listener, then the end. */
class SaidSocket extends EventEmitter {
  readonly #said: Buffer

  constructor(said: Buffer) {
    super()
    this.#said = said
  }

  resume(): this {
    queueMicrotask(() => {
      if (this.#isSaid) return
      this.#isSaid = true
      this.emit('data', this.#said)
      this.emit('end')
    })
    return this
  }

  #isSaid = false

  pause(): this {
    return this
  }

  write(_bytes: Buffer, callback: () => void): boolean {
    callback()
    return true
  }
}

const isNbd = (error: unknown) =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('SHOAL_NBD_')

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'nbd-handshake',
    corpus: [
      [FLAGS, option(OPTION.go, named('disk')), request(0)],
      [FLAGS, option(OPTION.list), option(OPTION.structuredReply), option(OPTION.exportName, Buffer.from('disk'))],
      [
        FLAGS,
        option(
          OPTION.setMetaContext,
          named('disk', Buffer.concat([Buffer.from([0, 0, 0, 1]), named('base:allocation')])),
        ),
      ],
      [FLAGS, option(OPTION.info, named('disk', Buffer.from([0, 1, 0, 3]))), option(OPTION.abort)],
    ].map((parts) => Buffer.concat(parts)),
    words: ['IHAVEOPT', 'base:', 'disk'],
    execute: async (input) => {
      const exports = new MemoryExports().add('disk', new MemoryDevice(Buffer.alloc(4096)))
      try {
        const socket = new SaidSocket(input) as unknown as Socket
        const found = await haggle({ exports, signal, isClosing: () => false }, socket)
        found?.found.release()
        mustHold(exports.usedCount === 0, 'an export is held')
        return found !== undefined
      } catch (error) {
        if (!isNbd(error)) throw error
        mustHold(exports.usedCount === 0, 'an export is held')
        return false
      }
    },
  },
  {
    name: 'nbd-requests',
    corpus: [
      Buffer.concat([request(0), request(7), request(3, 0)]),
      Buffer.concat([request(1, 512), request(0)]),
      request(2),
    ],
    execute: (input) => {
      const reader = new RequestReader()
      const middle = input.length === 0 ? 0 : input.readUInt8(0) % input.length
      let taken = 0
      try {
        for (const chunk of [input.subarray(0, middle), input.subarray(middle)]) {
          reader.push(chunk)
          while (reader.next()) taken += 1
        }
      } catch (error) {
        if (!isNbd(error)) throw error
      }
      mustHold(taken <= input.length / 28 && reader.unreadBytes <= input.length, 'more requests than came')
      return taken > 0
    },
  },
]
