import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MemoryDevice } from '../src/memory-device.ts'
import { CHUNK_HEADER_BYTES, COMMAND, OPTION, STRUCTURED_REPLY_MAGIC } from '../src/protocol.ts'
import { encodeInfoQuery, encodeMetaQuery, encodeOption, encodeRequest, type NbdClient, uint32 } from './nbd-client.ts'
import { pattern, startServer } from './start-server.ts'
import { until } from './until.ts'

/** A whole talk of an ordinary client, without the server's part: it waits for nothing. */
const TALK = [
  uint32(3),
  encodeOption(OPTION.structuredReply, Buffer.alloc(0)),
  encodeOption(OPTION.list, Buffer.alloc(0)),
  encodeOption(OPTION.listMetaContext, encodeMetaQuery('disk', [])),
  encodeOption(OPTION.setMetaContext, encodeMetaQuery('disk', ['base:allocation'])),
  encodeOption(OPTION.info, encodeInfoQuery('disk', [1, 2, 3])),
  encodeOption(OPTION.go, encodeInfoQuery('disk', [3])),
  encodeRequest({ type: COMMAND.read, cookie: 1n, offset: 1000, length: 5000 }),
  encodeRequest({ type: COMMAND.blockStatus, cookie: 2n, length: 65_536 }),
  Buffer.concat([encodeRequest({ type: COMMAND.write, cookie: 3n, length: 100 }), Buffer.alloc(100)]),
  encodeRequest({ type: COMMAND.read, cookie: 4n, offset: 0, length: 131_072 }),
  encodeRequest({ type: COMMAND.disconnect }),
]

/** All that the server says until it closes. */
function listen(client: NbdClient): Promise<Buffer> {
  const socket = client.detach()
  const chunks: Buffer[] = []
  return new Promise((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks)))
    socket.on('end', () => {
      resolve(Buffer.concat(chunks))
      socket.destroy()
    })
    socket.resume()
  })
}

/** The server's words up to the first reply, and digests of the chunks of replies, whose order is free. */
function messages(said: Buffer): string[] {
  let at = said.indexOf(uint32(STRUCTURED_REPLY_MAGIC))
  const parts = [said.subarray(0, at)]
  while (at < said.length) {
    const end = at + CHUNK_HEADER_BYTES + said.readUInt32BE(at + 16)
    parts.push(said.subarray(at, end))
    at = end
  }
  return parts.map((part) => createHash('sha1').update(part).digest('hex')).sort()
}

async function open(t: Parameters<typeof startServer>[0]) {
  const content = Buffer.concat([pattern(65_536), Buffer.alloc(65_536), pattern(65_536)])
  const started = await startServer(t, { device: new MemoryDevice(content) })
  const { server, exports, connect } = started
  const assertClean = async () => {
    await until(() => server.connectionCount === 0, 'no connection is left')
    assert.deepEqual([server.requestCount, server.bufferCount, exports.usedCount], [0, 0, 0])
  }
  /** Says something in pieces and nothing more; gives what the server said. */
  const talk = async (pieces: readonly Buffer[]) => {
    const client = await connect()
    const said = listen(client)
    for (const piece of pieces) client.socket.write(piece)
    client.socket.end()
    return said
  }
  return { ...started, talk, assertClean }
}

describe('a hostile client', () => {
  test('an ordinary talk is answered alike wherever it is cut', async (t) => {
    const { talk, assertClean } = await open(t)
    const whole = Buffer.concat(TALK)
    const expected = await talk([whole])
    assert.ok(expected.length > 5000 + 65_536, 'it is answered')
    const cut = fc.array(fc.nat(whole.length), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(cut, async (places) => {
        const sorted = [0, ...places.sort((a, b) => a - b), whole.length]
        const pieces = sorted.slice(1).map((end, index) => whole.subarray(sorted[index], end))
        const said = await talk(pieces.filter(({ length }) => length > 0))
        assert.deepEqual(messages(said), messages(expected))
      }),
      { numRuns: 60 },
    )
    await assertClean()
  })

  test('a talk that breaks off at any byte leaves nothing behind', async (t) => {
    const { talk, assertClean } = await open(t)
    const whole = Buffer.concat(TALK)
    for (let end = 0; end < whole.length; end += 3) await talk([whole.subarray(0, end)])
    await assertClean()
  })

  test('random bytes are survived, at every stage of a talk', async (t) => {
    const { talk, assertClean, enter } = await open(t)
    const bytes = fc.uint8Array({ maxLength: 500 }).map((array) => Buffer.from(array))
    await fc.assert(
      fc.asyncProperty(fc.nat(TALK.length), bytes, async (stage, noise) => {
        await talk([...TALK.slice(0, stage), noise])
      }),
      { numRuns: 150 },
    )
    await assertClean()
    await enter()
  })

  test('a talk with changed bytes is survived', async (t) => {
    const { talk, assertClean, enter } = await open(t)
    const whole = Buffer.concat(TALK)
    const change = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const changed = Buffer.from(whole)
        for (const { at, value } of changes) changed[at] = value
        await talk([changed])
      }),
      { numRuns: 150 },
    )
    await assertClean()
    await enter()
  })

  test('requests of any fields are answered once each, or end the connection', async (t) => {
    const { enter, assertClean } = await open(t)
    const request = fc.record({
      type: fc.oneof(fc.constantFrom(0, 3, 4, 5, 6, 7), fc.nat(65_535)).filter((type) => type !== 1 && type !== 2),
      flags: fc.oneof(fc.constantFrom(0, 4, 8), fc.nat(65_535)),
      offset: fc.oneof(fc.nat(200_000), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      length: fc.oneof(fc.nat(200_000), fc.nat(0xffffffff)),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 20 }), async (requests) => {
        const client = await enter({ isStructured: true, hasAllocation: true })
        for (const [index, each] of requests.entries()) client.request({ ...each, cookie: BigInt(index) })
        const answered: bigint[] = []
        while (answered.length < requests.length) {
          const { cookie, isDone } = await client.chunk()
          if (isDone) answered.push(cookie)
        }
        assert.deepEqual(new Set(answered).size, requests.length)
        client.close()
      }),
      { numRuns: 100 },
    )
    await assertClean()
  })
})
