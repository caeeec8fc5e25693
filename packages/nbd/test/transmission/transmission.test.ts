import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nbdError } from '../../src/errors.ts'
import { MemoryDevice } from '../../src/memory-device.ts'
import { CHUNK, COMMAND, COMMAND_FLAG, ERRNO } from '../../src/protocol.ts'
import { GatedDevice } from '../gated-device.ts'
import type { NbdClient, Request } from '../nbd-client.ts'
import { pattern, startServer } from '../start-server.ts'
import { until } from '../until.ts'

const KIB = 1024
const { read, write, flush, trim, cache, writeZeroes, blockStatus, disconnect } = COMMAND

/** Data but for a hole from 100 KiB + 7 to 300 KiB, of which the parts of whole blocks are known to be zeros. */
function sparseContent(): Buffer {
  const content = pattern(512 * KIB)
  content.fill(0, 100 * KIB + 7, 300 * KIB)
  return content
}

/** Reads with structured replies, puts the chunks together and checks that they fit. */
async function readStructured(client: NbdClient, offset: number, length: number, flags = 0) {
  client.request({ type: read, offset, length, flags, cookie: 77n })
  const chunks = await client.chunks()
  const result = Buffer.alloc(length, 0xee)
  let covered = 0
  for (const { type, payload, cookie } of chunks) {
    assert.equal(cookie, 77n)
    const at = Number(payload.readBigUInt64BE()) - offset
    assert.ok(type === CHUNK.offsetData || type === CHUNK.offsetHole)
    const bytes = type === CHUNK.offsetData ? payload.subarray(8) : Buffer.alloc(payload.readUInt32BE(8))
    assert.ok(at >= 0 && at + bytes.length <= length && bytes.length > 0)
    bytes.copy(result, at)
    covered += bytes.length
  }
  assert.equal(covered, length)
  return { result, types: chunks.map(({ type }) => type) }
}

async function errnoOfReply(client: NbdClient, request: Request, isStructured: boolean): Promise<number> {
  client.request({ ...request, cookie: 9n })
  if (!isStructured) {
    const { errno, cookie } = await client.simpleReply(0)
    assert.equal(cookie, 9n)
    return errno
  }
  const [chunk, ...more] = await client.chunks()
  assert.equal(more.length, 0)
  assert.equal(chunk?.cookie, 9n)
  return chunk?.type === CHUNK.none ? 0 : (chunk?.payload.readUInt32BE() ?? -1)
}

describe('READ', () => {
  test('gives the bytes, wherever they begin and end', async (t) => {
    const content = sparseContent()
    const { enter } = await startServer(t, { device: new MemoryDevice(content) })
    const [simple, structured] = [await enter(), await enter({ isStructured: true })]
    for (const [offset, length] of [
      [0, 512 * KIB],
      [1, 1],
      [511, 4098],
      [90 * KIB, 220 * KIB],
      [100 * KIB + 9, 100 * KIB],
      [512 * KIB - 3, 3],
    ] as const) {
      const expected = content.subarray(offset, offset + length)
      simple.request({ type: read, offset, length })
      assert.ok((await simple.simpleReply(length)).data.equals(expected), `simple ${offset}+${length}`)
      assert.ok((await readStructured(structured, offset, length)).result.equals(expected), `${offset}+${length}`)
      const whole = await readStructured(structured, offset, length, COMMAND_FLAG.df)
      assert.deepEqual(whole.types, [CHUNK.offsetData], 'DF')
      assert.ok(whole.result.equals(expected), `DF ${offset}+${length}`)
    }
  })

  test('leaves holes out of long structured replies, and reads nothing there', async (t) => {
    const memory = new MemoryDevice(sparseContent())
    const reads: number[] = []
    const read = (offset: number, length: number, into: Buffer) => {
      reads.push(length)
      return memory.read(offset, length, into)
    }
    const { enter } = await startServer(t, { device: Object.assign(new MemoryDevice(sparseContent()), { read }) })
    const client = await enter({ isStructured: true })
    const { types } = await readStructured(client, 64 * KIB, 300 * KIB)
    assert.deepEqual(types, [CHUNK.offsetData, CHUNK.offsetHole, CHUNK.offsetData])
    assert.ok(reads.reduce((sum, length) => sum + length, 0) < 110 * KIB)
    reads.length = 0
    assert.deepEqual((await readStructured(client, 128 * KIB, 128 * KIB)).types, [CHUNK.offsetHole])
    assert.deepEqual(reads, [])
    assert.deepEqual((await readStructured(client, 128 * KIB, 4 * KIB)).types, [CHUNK.offsetData], 'a short one')
  })

  test('where a device cannot tell holes, and where it tells late, all is read', async (t) => {
    const content = sparseContent()
    for (const extents of [
      () => Promise.reject(new Error('no')),
      () => {
        throw new Error('no')
      },
      () => Promise.resolve([{ length: 1, isHole: true, isZero: false }]),
    ]) {
      const device = Object.assign(new MemoryDevice(content), { extents })
      const { enter } = await startServer(t, { device })
      const { result, types } = await readStructured(await enter({ isStructured: true }), 0, 256 * KIB)
      assert.deepEqual(types, [CHUNK.offsetData])
      assert.ok(result.equals(content.subarray(0, 256 * KIB)))
    }
  })

  test('replies come as reads end, not as they were asked for', async (t) => {
    const content = pattern(64 * KIB)
    const device = new GatedDevice(content)
    const { enter } = await startServer(t, { device })
    const client = await enter()
    client.request({ type: read, cookie: 1n, offset: 0, length: 512 })
    client.request({ type: read, cookie: 2n, offset: 512, length: 512 })
    await until(() => device.held.length === 2, 'two reads stand still')
    device.open(512)
    const second = await client.simpleReply(512)
    assert.equal(second.cookie, 2n)
    assert.ok(second.data.equals(content.subarray(512, 1024)))
    device.open()
    assert.equal((await client.simpleReply(512)).cookie, 1n)
  })

  test('of nothing is a success', async (t) => {
    const { enter } = await startServer(t)
    assert.equal(await errnoOfReply(await enter(), { type: read, offset: 7 }, false), 0)
    assert.equal(await errnoOfReply(await enter({ isStructured: true }), { type: read, offset: 7 }, true), 0)
  })

  test('what a device fails with becomes an errno, and the connection goes on', async (t) => {
    const device = new GatedDevice(pattern(512 * KIB))
    const { enter, server } = await startServer(t, { device })
    const failures = [
      [nbdError('SHOAL_NBD_IO', { reason: 'gone' }), ERRNO.EIO],
      [nbdError('SHOAL_NBD_INVALID', { reason: 'odd' }), ERRNO.EINVAL],
      [nbdError('SHOAL_NBD_READ_ONLY'), ERRNO.EPERM],
      [nbdError('SHOAL_NBD_NO_SPACE', { reason: 'full' }), ERRNO.ENOSPC],
      [nbdError('SHOAL_NBD_SHUTDOWN'), ERRNO.ESHUTDOWN],
      [Object.assign(new Error('of a file below'), { code: 'EINVAL' }), ERRNO.EIO],
      ['anything', ERRNO.EIO],
    ] as const
    for (const isStructured of [false, true]) {
      const client = await enter({ isStructured })
      for (const [failure, errno] of failures) {
        const replied = errnoOfReply(client, { type: read, length: 70 * KIB }, isStructured)
        await until(() => device.held.length === 1, 'the read stands still')
        device.held.pop()?.fail(failure)
        assert.equal(await replied, errno)
      }
    }
    assert.equal(server.bufferCount, 0)
  })

  test('a device that throws at once, and one that fails in part, is an error too', async (t) => {
    const content = sparseContent()
    const memory = new MemoryDevice(content)
    const readSome = (offset: number, length: number, into: Buffer) => {
      if (offset > 200 * KIB || length === 1) throw nbdError('SHOAL_NBD_IO', { reason: 'a bad sector' })
      return memory.read(offset, length, into)
    }
    const device = Object.assign(new MemoryDevice(content), { read: readSome })
    const { enter, server } = await startServer(t, { device })
    const client = await enter({ isStructured: true })
    assert.equal(await errnoOfReply(client, { type: read, length: 1 }, true), ERRNO.EIO)
    assert.equal(await errnoOfReply(client, { type: read, length: 400 * KIB }, true), ERRNO.EIO)
    assert.equal(server.bufferCount, 0)
  })
})

describe('BLOCK_STATUS', () => {
  test('tells data and holes', async (t) => {
    const { enter } = await startServer(t, { device: new MemoryDevice(sparseContent()) })
    const client = await enter({ isStructured: true, hasAllocation: true })
    const ask = async (offset: number, length: number, flags = 0) => {
      client.request({ type: blockStatus, offset, length, flags })
      const [chunk, ...more] = await client.chunks()
      assert.equal(chunk?.type, CHUNK.blockStatus)
      assert.equal(more.length, 0)
      const words = Array.from({ length: chunk.payload.length / 4 }, (_, index) =>
        chunk.payload.readUInt32BE(index * 4),
      )
      assert.equal(words[0], 1)
      return words.slice(1)
    }
    assert.deepEqual(await ask(0, 512 * KIB), [104 * KIB, 0, 196 * KIB, 3, 212 * KIB, 0])
    assert.deepEqual(await ask(0, 512 * KIB, COMMAND_FLAG.reqOne), [104 * KIB, 0])
    assert.deepEqual(await ask(104 * KIB + 5, 10), [10, 3])
    assert.deepEqual(await ask(200 * KIB, 300 * KIB, COMMAND_FLAG.reqOne), [100 * KIB, 3])
  })

  test('what the device fails with is an error', async (t) => {
    const device = Object.assign(new MemoryDevice(pattern(4096)), { extents: () => Promise.reject(new Error('no')) })
    const { enter } = await startServer(t, { device })
    const client = await enter({ isStructured: true, hasAllocation: true })
    assert.equal(await errnoOfReply(client, { type: blockStatus, length: 512 }, true), ERRNO.EIO)
  })
})

describe('what is not done', () => {
  const huge = 1n << 63n
  const cases: readonly (readonly [string, Request, number])[] = [
    ['a read beyond the end', { type: read, offset: 1 << 20, length: 1 }, ERRNO.EINVAL],
    ['a read across the end', { type: read, offset: (1 << 20) - 1, length: 2 }, ERRNO.EINVAL],
    ['a read at an offset beyond numbers', { type: read, offset: huge, length: 1 }, ERRNO.EINVAL],
    ['a read that is too long', { type: read, length: 32 * 1024 * KIB + 1 }, ERRNO.EINVAL],
    ['a read with a flag that was not offered', { type: read, length: 1, flags: 1 }, ERRNO.EINVAL],
    ['FLUSH, which was not offered', { type: flush }, ERRNO.EINVAL],
    ['CACHE, which was not offered', { type: cache, length: 512 }, ERRNO.EINVAL],
    ['TRIM', { type: trim, length: 512 }, ERRNO.EPERM],
    ['WRITE_ZEROES', { type: writeZeroes, length: 512, flags: 2 }, ERRNO.EPERM],
    ['BLOCK_STATUS without a context', { type: blockStatus, length: 512 }, ERRNO.EINVAL],
    ['an unknown command', { type: 99 }, ERRNO.EINVAL],
  ]

  test('is refused, and the connection goes on', async (t) => {
    const { enter } = await startServer(t)
    for (const isStructured of [false, true]) {
      const client = await enter({ isStructured })
      for (const [name, request, errno] of cases) {
        assert.equal(await errnoOfReply(client, request, isStructured), errno, name)
      }
      const df = { type: read, length: 1, flags: COMMAND_FLAG.df }
      if (!isStructured) assert.equal(await errnoOfReply(client, df, false), ERRNO.EINVAL, 'DF')
    }
  })

  test('BLOCK_STATUS of nothing, beyond the end, or with a wrong flag is refused', async (t) => {
    const { enter } = await startServer(t)
    const client = await enter({ isStructured: true, hasAllocation: true })
    for (const request of [{ length: 0 }, { offset: 1 << 20, length: 1 }, { length: 1, flags: COMMAND_FLAG.df }]) {
      assert.equal(await errnoOfReply(client, { type: blockStatus, ...request }, true), ERRNO.EINVAL)
    }
  })

  test('requests that are not multiples of the minimum block size are refused', async (t) => {
    const blockSizes = { minimum: 512, preferred: 4096, maximum: 64 * KIB }
    const { enter } = await startServer(t, { device: new MemoryDevice(pattern(1 << 20), { blockSizes }) })
    const client = await enter()
    for (const request of [
      { offset: 1, length: 512 },
      { offset: 0, length: 511 },
      { offset: 0, length: 65 * KIB },
    ]) {
      assert.equal(await errnoOfReply(client, { type: read, ...request }, false), ERRNO.EINVAL)
    }
    client.request({ type: read, offset: 512, length: 1024 })
    assert.equal((await client.simpleReply(1024)).errno, 0)
  })

  test('WRITE is refused once its data has come, which is dropped', async (t) => {
    const { enter } = await startServer(t)
    const client = await enter()
    const data = Buffer.alloc(300 * KIB, 0x25)
    client.request({ type: write, cookie: 4n, length: data.length }, data.subarray(0, 1000))
    client.send(data.subarray(1000))
    client.request({ type: read, cookie: 5n, length: 16 })
    assert.deepEqual({ ...(await client.simpleReply(0)), data: undefined }, { errno: 1, cookie: 4n, data: undefined })
    assert.equal((await client.simpleReply(16)).cookie, 5n)
    client.request({ type: write, length: 32 * 1024 * KIB + 1 })
    await client.ended
  })

  test('what is not a request ends the connection', async (t) => {
    const { enter, server } = await startServer(t)
    const client = await enter()
    client.request({ type: read, magic: 0x25609514 })
    await client.ended
    await until(() => server.connectionCount === 0, 'the connection is over')
  })
})

describe('CACHE', () => {
  test('tells the device what will be read', async (t) => {
    const hints: number[][] = []
    const willRead = (offset: number, length: number) => {
      if (offset === 512) throw new Error('not there')
      hints.push([offset, length])
    }
    const { enter } = await startServer(t, { device: Object.assign(new MemoryDevice(pattern(4096)), { willRead }) })
    const client = await enter()
    assert.equal(await errnoOfReply(client, { type: cache, offset: 1024, length: 2048 }, false), 0)
    assert.deepEqual(hints, [[1024, 2048]])
    assert.equal(await errnoOfReply(client, { type: cache, offset: 1024, length: 4096 }, false), ERRNO.EINVAL)
    assert.equal(await errnoOfReply(client, { type: cache, length: 1, flags: 1 }, false), ERRNO.EINVAL)
    assert.equal(await errnoOfReply(client, { type: cache, offset: 512, length: 1 }, false), ERRNO.EIO)
  })
})

describe('DISC', () => {
  test('lets replies that are under way leave, and closes', async (t) => {
    const device = new GatedDevice(pattern(4096))
    const { enter, server, exports } = await startServer(t, { device })
    const client = await enter()
    client.request({ type: read, cookie: 1n, length: 512 })
    client.request({ type: disconnect })
    client.request({ type: read, cookie: 2n, length: 512 })
    await until(() => device.held.length === 1, 'the read stands still')
    client.socket.end()
    device.open()
    assert.equal((await client.simpleReply(512)).cookie, 1n)
    await client.ended
    await until(() => server.connectionCount === 0, 'the connection is over')
    assert.equal(device.abortedCount, 0)
    assert.equal(exports.usedCount, 0)
  })
})
