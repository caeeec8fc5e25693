import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { MemoryDevice } from '../src/memory-device.ts'
import { MemoryExports } from '../src/memory-exports.ts'
import { NbdServer } from '../src/nbd-server.ts'
import { COMMAND, OPTION, OPTION_REPLY } from '../src/protocol.ts'
import { type Certificate, makeAuthority, makeCertificate } from './certificates.ts'
import { encodeInfoQuery, encodeOption, NbdClient } from './nbd-client.ts'
import { pattern } from './start-server.ts'
import { tempDirectory } from './temp-directory.ts'
import { until } from './until.ts'

async function startTlsServer(t: Parameters<typeof tempDirectory>[0], { isMutual = true } = {}) {
  const directory = await tempDirectory(t)
  const ca = await makeAuthority(directory)
  const [serverKeys, clientKeys] = [
    await makeCertificate(directory, 'server'),
    await makeCertificate(directory, 'client'),
  ]
  const content = pattern(300_000)
  const exports = new MemoryExports().add('disk', new MemoryDevice(content))
  const server = new NbdServer({ exports })
  t.after(() => server.close({ graceMs: 0 }))
  const tls = isMutual ? { ...serverKeys, ca } : serverKeys
  const port = await server.listenTcp({ host: '127.0.0.1', port: 0, tls })
  const connect = async () => {
    const client = await NbdClient.connect({ host: '127.0.0.1', port })
    await client.greet()
    return client
  }
  return { server, exports, content, ca, clientKeys, connect }
}

/** Goes on encrypted, as a client with or without a certificate. */
async function upgrade(client: NbdClient, ca: Buffer, keys?: Certificate): Promise<NbdClient> {
  const socket = connectTls({ socket: client.detach(), ca, ...keys, servername: 'localhost' })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  return new NbdClient(socket)
}

async function startTls(client: NbdClient): Promise<void> {
  assert.equal((await client.option(OPTION.startTls))[0]?.type, OPTION_REPLY.ack)
}

describe('TLS', () => {
  test('is asked of every client, and serves what is asked for after it', async (t) => {
    const { server, exports, content, ca, clientKeys, connect } = await startTlsServer(t)
    const plain = await connect()
    for (const [option, data] of [
      [OPTION.go, encodeInfoQuery('disk')],
      [OPTION.list, Buffer.alloc(0)],
      [OPTION.structuredReply, Buffer.alloc(0)],
      [99, Buffer.alloc(0)],
    ] as const) {
      assert.equal((await plain.option(option, data))[0]?.type, OPTION_REPLY.tlsRequired)
    }
    assert.equal((await plain.option(OPTION.startTls, Buffer.alloc(1)))[0]?.type, OPTION_REPLY.invalid)
    await startTls(plain)
    const client = await upgrade(plain, ca, clientKeys)
    assert.equal((await client.option(OPTION.startTls))[0]?.type, OPTION_REPLY.invalid, 'not twice')
    await client.go('disk')
    client.request({ type: COMMAND.read, offset: 1, length: 280_000 })
    assert.ok((await client.simpleReply(280_000)).data.equals(content.subarray(1, 280_001)))
    client.request({ type: COMMAND.disconnect })
    await client.ended
    client.close()
    await until(() => server.connectionCount === 0, 'the connection is over')
    assert.equal(exports.usedCount, 0)
  })

  test('EXPORT_NAME without it ends the connection', async (t) => {
    const { connect } = await startTlsServer(t)
    const client = await connect()
    client.send(encodeOption(OPTION.exportName, Buffer.from('disk')))
    await client.ended
  })

  test('a client without a certificate is refused where one is asked for, and served where not', async (t) => {
    const mutual = await startTlsServer(t)
    const refused = await mutual.connect()
    await startTls(refused)
    // With TLS 1.3 the client believes to be connected before the server has looked.
    const encrypted = await upgrade(refused, mutual.ca).catch(() => undefined)
    await encrypted?.ended
    await until(() => mutual.server.connectionCount === 0, 'the connection is over')
    const open = await startTlsServer(t, { isMutual: false })
    const client = await open.connect()
    await startTls(client)
    await (await upgrade(client, open.ca)).go('disk')
  })

  test('a client of another authority is refused', async (t) => {
    const { server, ca, connect } = await startTlsServer(t)
    const directory = await tempDirectory(t)
    await makeAuthority(directory)
    const client = await connect()
    await startTls(client)
    const encrypted = await upgrade(client, ca, await makeCertificate(directory, 'client')).catch(() => undefined)
    await encrypted?.ended
    await until(() => server.connectionCount === 0, 'the connection is over')
  })

  test('what a client says ahead of it, and noise instead of it, end the connection', async (t) => {
    const { server, connect } = await startTlsServer(t)
    const early = await connect()
    early.send(encodeOption(OPTION.startTls, Buffer.alloc(0)), encodeOption(OPTION.list, Buffer.alloc(0)))
    await early.ended
    const noisy = await connect()
    await startTls(noisy)
    noisy.send(Buffer.alloc(1000, 'x'))
    await noisy.ended
    const leaving = await connect()
    await startTls(leaving)
    leaving.close()
    noisy.close()
    await until(() => server.connectionCount === 0, 'no connection is left')
  })

  test('a key that is none is an error before a client comes', async (t) => {
    const server = new NbdServer({ exports: new MemoryExports() })
    t.after(() => server.close())
    const tls = { key: 'no key', cert: 'no certificate' }
    await assert.rejects(server.listenTcp({ host: '127.0.0.1', port: 0, tls }), { code: 'SHOAL_NBD_LISTEN' })
  })
})
