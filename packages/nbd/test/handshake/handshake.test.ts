import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDevice } from '../../src/memory-device.ts'
import { COMMAND, INFO, OPTION, OPTION_REPLY, TRANSMISSION_FLAG } from '../../src/protocol.ts'
import { encodeInfoQuery, encodeMetaQuery, encodeOption, type NbdClient, uint32 } from '../nbd-client.ts'
import { startServer } from '../start-server.ts'

const { ack, server: SERVER, info: REP_INFO, metaContext, unsupported, policy, invalid, unknown, tooBig } = OPTION_REPLY

async function greeted(t: Parameters<typeof startServer>[0], options?: Parameters<typeof startServer>[1]) {
  const { connect, exports, server } = await startServer(t, options)
  const client = await connect()
  assert.equal(await client.greet(), 3, 'fixed newstyle, no zeroes')
  return { client, exports, server }
}

async function types(client: NbdClient, option: number, data?: Buffer): Promise<number[]> {
  return (await client.option(option, data)).map(({ type }) => type)
}

describe('the handshake', () => {
  test('GO tells size, flags and block sizes, and more when asked', async (t) => {
    const { client } = await greeted(t)
    const replies = await client.option(OPTION.go, encodeInfoQuery('disk', [INFO.name, INFO.description, 99]))
    assert.ok(replies.every(({ option }) => option === OPTION.go))
    assert.deepEqual(
      replies.map(({ type }) => type),
      [REP_INFO, REP_INFO, REP_INFO, REP_INFO, ack],
    )
    const [size, blocks, name, description] = replies.map(({ data }) => data)
    const { hasFlags, readOnly, canMultiConn } = TRANSMISSION_FLAG
    assert.equal(size?.toString('hex'), `0000${'0000000000100000'}${'0103'}`)
    assert.equal(size?.readUInt16BE(10), hasFlags | readOnly | canMultiConn)
    assert.equal(blocks?.toString('hex'), '0003000000010000100002000000')
    assert.equal(name?.toString(), '\0\x01disk')
    assert.equal(description?.toString(), '\0\x02a disk')
    client.request({ type: COMMAND.read, cookie: 5n, length: 4 })
    assert.equal((await client.simpleReply(4)).cookie, 5n)
  })

  test('INFO tells the same and goes on', async (t) => {
    const { client, exports } = await greeted(t)
    assert.deepEqual(await types(client, OPTION.info, encodeInfoQuery('disk')), [REP_INFO, REP_INFO, ack])
    assert.equal(exports.usedCount, 0, 'it holds nothing')
    assert.equal((await client.go('')).sizeBytes, 1 << 20, 'the empty name is the default')
    assert.equal(exports.usedCount, 1)
  })

  test('an export that is not there is refused, and the client may try another', async (t) => {
    const { client } = await greeted(t)
    assert.deepEqual(await types(client, OPTION.go, encodeInfoQuery('none')), [unknown])
    assert.deepEqual(await types(client, OPTION.info, encodeInfoQuery('none')), [unknown])
    await client.go('disk')
  })

  test('LIST tells names and descriptions', async (t) => {
    const { client, exports } = await greeted(t)
    exports.add('zweite', new MemoryDevice(Buffer.alloc(512)))
    const replies = await client.option(OPTION.list)
    assert.deepEqual(
      replies.map(({ type, data }) => [type, data.toString()]),
      [
        [SERVER, '\0\0\0\x04diska disk'],
        [SERVER, '\0\0\0\x06zweite'],
        [ack, ''],
      ],
    )
    assert.deepEqual(await types(client, OPTION.list, Buffer.alloc(1)), [invalid])
  })

  test('EXPORT_NAME enters without replies, padded unless the client does without', async (t) => {
    const { connect } = await startServer(t)
    for (const [flags, length] of [
      [3, 10],
      [1, 134],
      [0, 134],
    ] as const) {
      const client = await connect()
      await client.greet(flags)
      client.send(encodeOption(OPTION.exportName, Buffer.from('disk')))
      const reply = await client.read(length)
      assert.equal(reply.readBigUInt64BE(), 1n << 20n)
      assert.ok(reply.subarray(10).every((byte) => byte === 0))
      client.request({ type: COMMAND.read, length: 8 })
      assert.equal((await client.simpleReply(8)).errno, 0)
    }
  })

  test('EXPORT_NAME of no export ends the connection', async (t) => {
    const { connect } = await startServer(t)
    for (const name of [Buffer.from('none'), Buffer.alloc(4097, 'a'), Buffer.from([0xff])]) {
      const client = await connect()
      await client.greet()
      client.send(encodeOption(OPTION.exportName, name))
      await client.ended
    }
  })

  test('a client without the fixed handshake may only use EXPORT_NAME', async (t) => {
    const { connect } = await startServer(t)
    const client = await connect()
    await client.greet(0)
    client.send(encodeOption(OPTION.list, Buffer.alloc(0)))
    await client.ended
  })

  test('flags that were not offered end the connection', async (t) => {
    const { connect } = await startServer(t)
    const client = await connect()
    await client.greet(7)
    await client.ended
  })

  test('ABORT is acknowledged, whatever comes with it', async (t) => {
    const { client } = await greeted(t)
    assert.deepEqual(await types(client, OPTION.abort, Buffer.from('bye')), [ack])
    await client.ended
  })

  test('unknown options are refused, and the next is understood', async (t) => {
    const { client } = await greeted(t)
    for (const option of [0, 4, 11, 0xffffffff]) {
      assert.deepEqual(await types(client, option, Buffer.from('data')), [unsupported])
    }
    assert.deepEqual(await types(client, 77, Buffer.alloc(100_000)), [unsupported], 'long data is dropped')
    assert.deepEqual(await types(client, OPTION.startTls), [policy], 'there is no TLS')
    await client.go('disk')
  })

  test('data that is not as it must be is refused', async (t) => {
    const { client } = await greeted(t)
    await client.option(OPTION.structuredReply)
    const query = encodeInfoQuery('disk', [3])
    const broken = [
      Buffer.alloc(0),
      query.subarray(0, -1),
      Buffer.concat([query, Buffer.alloc(1)]),
      Buffer.concat([uint32(0xffffffff), Buffer.from('disk')]),
      encodeInfoQuery('di\0sk'),
      encodeInfoQuery('x'.repeat(4097)),
    ]
    for (const data of broken) {
      assert.deepEqual(await types(client, OPTION.go, data), [invalid])
      assert.deepEqual(await types(client, OPTION.info, data), [invalid])
    }
    const queries = encodeMetaQuery('disk', ['base:allocation'])
    for (const data of [queries.subarray(0, -1), Buffer.concat([queries, Buffer.alloc(1)]), Buffer.alloc(3)]) {
      assert.deepEqual(await types(client, OPTION.listMetaContext, data), [invalid])
      assert.deepEqual(await types(client, OPTION.setMetaContext, data), [invalid])
    }
    assert.deepEqual(await types(client, OPTION.structuredReply, Buffer.alloc(1)), [invalid])
    assert.deepEqual(await types(client, OPTION.go, Buffer.alloc(65_537)), [tooBig])
    await client.go('disk')
  })

  test('an option of more than 32 MiB, and one that does not begin right, end the connection', async (t) => {
    const { connect } = await startServer(t)
    for (const option of [
      encodeOption(OPTION.list, Buffer.alloc(0), { length: 32 * 1024 * 1024 + 1 }),
      Buffer.from('IHAVEOPX\0\0\0\x03\0\0\0\0'),
    ]) {
      const client = await connect()
      await client.greet()
      client.send(option)
      await client.ended
    }
  })

  test('contexts are listed and selected', async (t) => {
    const { client } = await greeted(t)
    const all = encodeMetaQuery('disk', [])
    assert.deepEqual(await types(client, OPTION.listMetaContext, all), [invalid], 'not before structured replies')
    await client.option(OPTION.structuredReply)
    const select = async (option: number, name: string, ...queries: string[]) => {
      const replies = await client.option(option, encodeMetaQuery(name, queries))
      return replies.map(({ type, data }) => (type === metaContext ? data.toString('latin1') : type))
    }
    const { listMetaContext, setMetaContext } = OPTION
    const listed = ['\0\0\0\0base:allocation', ack]
    assert.deepEqual(await select(listMetaContext, 'disk'), listed)
    assert.deepEqual(await select(listMetaContext, 'disk', 'qemu:', 'base:'), listed)
    assert.deepEqual(await select(listMetaContext, 'disk', 'base:alloc', 'x-a:b', 'nothing'), [ack])
    assert.deepEqual(await select(listMetaContext, 'none'), [unknown])
    assert.deepEqual(await select(setMetaContext, 'disk'), [ack])
    assert.deepEqual(await select(setMetaContext, 'disk', 'base:'), [ack])
    assert.deepEqual(await select(setMetaContext, 'disk', 'base:other', 'base:allocation'), [
      '\0\0\0\x01base:allocation',
      ack,
    ])
  })

  test('a selection counts for the export it was made for, and the last one only', async (t) => {
    const { connect, exports } = await startServer(t)
    exports.add('other', new MemoryDevice(Buffer.alloc(4096)))
    for (const [selections, isSelected] of [
      [[['disk', 'base:allocation']], true],
      [[['', 'base:allocation']], true],
      [[['other', 'base:allocation']], false],
      [[['disk', 'base:allocation'], ['disk']], false],
      [[['disk', 'base:allocation'], ['none']], false],
    ] as const) {
      const client = await connect()
      await client.greet()
      await client.option(OPTION.structuredReply)
      for (const [name, ...queries] of selections) {
        await client.option(OPTION.setMetaContext, encodeMetaQuery(name, queries))
      }
      await client.go('disk')
      client.request({ type: COMMAND.blockStatus, length: 512 })
      const [chunk] = await client.chunks()
      assert.equal(chunk?.type === 5, isSelected, JSON.stringify(selections))
    }
  })

  test('DF and CACHE are offered only where they work', async (t) => {
    const device = Object.assign(new MemoryDevice(Buffer.alloc(512)), { willRead: () => {} })
    const { connect, exports } = await startServer(t)
    exports.add('hinted', device)
    const flagsOf = async (name: string, isStructured: boolean) => {
      const client = await connect()
      await client.greet()
      return (await client.go(name, { isStructured })).flags
    }
    const { sendDf, sendCache } = TRANSMISSION_FLAG
    assert.equal((await flagsOf('disk', false)) & (sendDf | sendCache), 0)
    assert.equal((await flagsOf('disk', true)) & (sendDf | sendCache), sendDf)
    assert.equal((await flagsOf('hinted', false)) & (sendDf | sendCache), sendCache)
  })

  test('a device that says of itself what cannot be is not served, and is released', async (t) => {
    const { connect, exports } = await startServer(t)
    for (const [name, blockSizes] of Object.entries({
      minimum: { minimum: 3, preferred: 4096, maximum: 4096 * 3 },
      preferred: { minimum: 1, preferred: 256, maximum: 4096 },
      maximum: { minimum: 1, preferred: 4096, maximum: 33 * 1024 * 1024 },
      size: { minimum: 1024, preferred: 4096, maximum: 4096 },
    })) {
      exports.add(name, new MemoryDevice(Buffer.alloc(512), { blockSizes }))
      const client = await connect()
      await client.greet()
      client.send(encodeOption(OPTION.go, encodeInfoQuery(name)))
      await client.ended
      assert.equal(exports.usedCount, 0)
    }
  })
})
