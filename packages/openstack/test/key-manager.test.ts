import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { errorCode } from '@shoal/core'
import { createKeyManager, type Session } from '@shoal/openstack'
import { undoAfter } from '../../../test/harness/undo.ts'

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server that answers as Barbican does, and a session of two tokens, the first of which has ended. */
async function barbican(t: TestContext, answer: Answer, path = '') {
  const undo = undoAfter(t)
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.accept} ${request.headers['x-auth-token']}`)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  undo.after(async () => {
    server.closeAllConnections()
    server.close()
  })
  const tokens = ['old', 'new']
  const session: Session = {
    token: async () => tokens[0] ?? 'newest',
    invalidate: (token) => void (tokens[0] === token && tokens.shift()),
    endpoint: async (type) => {
      assert.equal(type, 'key-manager')
      return `http://127.0.0.1:${port}${path}`
    },
    close: async () => {},
  }
  const keyManager = createKeyManager(session, { timeouts: { headersMs: 2000, bodyIdleMs: 2000 } })
  undo.after(() => keyManager.close())
  return { keyManager, asked, server }
}

function secret(change: object = {}): Answer {
  return ({ url, headers }, response) => {
    if (headers['x-auth-token'] === 'old') return void response.writeHead(401).end()
    if (url?.endsWith('/payload')) return void response.end(PEM)
    const content_types = { default: 'application/octet-stream' }
    response.end(JSON.stringify({ secret_type: 'certificate', content_types, status: 'ACTIVE', ...change }))
  }
}

describe('the key manager', () => {
  it('gives a certificate as it was stored, with a fresh token where the first has ended', async (t) => {
    for (const path of ['', '/v1', '/v1/']) {
      const { keyManager, asked } = await barbican(t, secret(), path)
      const id = randomUUID()
      assert.equal((await keyManager.certificate(id))?.toString(), PEM)
      assert.deepEqual(asked, [
        `/v1/secrets/${id} application/json old`,
        `/v1/secrets/${id} application/json new`,
        `/v1/secrets/${id}/payload application/octet-stream new`,
      ])
    }
  })

  it('has none of an id that is unknown, and takes no other kind of secret for one', async (t) => {
    const unknown = await barbican(t, (_, response) => void response.writeHead(404).end('{"code":404}'))
    assert.equal(await unknown.keyManager.certificate(randomUUID()), undefined)
    for (const secret_type of ['opaque', 'private', null]) {
      const { keyManager, asked } = await barbican(t, secret({ secret_type }))
      await assert.rejects(keyManager.certificate(randomUUID()), (error) => errorCode(error) === 'SHOAL_BARBICAN_TYPE')
      assert.ok(asked.every((line) => !line.includes('payload')))
    }
  })

  it('says what is wrong in one code each', async (t) => {
    const answers: [string, Answer][] = [
      ['SHOAL_BARBICAN_FORBIDDEN', (_, response) => void response.writeHead(403).end()],
      ['SHOAL_BARBICAN_FORBIDDEN', (_, response) => void response.writeHead(401).end()],
      ['SHOAL_BARBICAN_UNREACHABLE', (_, response) => void response.writeHead(503).end()],
      ['SHOAL_BARBICAN_UNREACHABLE', (_, response) => void response.destroy()],
      ['SHOAL_BARBICAN_PROTOCOL', (_, response) => void response.writeHead(302, { location: 'http://other/' }).end()],
      ['SHOAL_BARBICAN_PROTOCOL', (_, response) => void response.end('not JSON')],
      ['SHOAL_BARBICAN_PROTOCOL', (_, response) => void response.end(Buffer.alloc(100_000, 32))],
      ['SHOAL_BARBICAN_PROTOCOL', secret({ content_types: { default: 'a\r\nb' } })],
      ['SHOAL_BARBICAN_PROTOCOL', secret({ content_types: 5 })],
    ]
    for (const [code, answer] of answers) {
      const { keyManager } = await barbican(t, answer)
      await assert.rejects(keyManager.certificate(randomUUID()), (error) => errorCode(error) === code, code)
    }
    const gone = await barbican(t, secret())
    gone.server.close()
    const rejected = gone.keyManager.certificate(randomUUID())
    await assert.rejects(rejected, (error) => errorCode(error) === 'SHOAL_BARBICAN_UNREACHABLE')
  })
})
