import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { held } from '../boot/stand-in-source.ts'
import { answerOf, bodyOf, send, startEndpoint, when } from './endpoint-fixture.ts'
import { IMAGE } from './stand-in-glance.ts'

const DATA = randomBytes(3_000_000)

test('a request goes on as it came, and the answer comes back as it was given', async (t) => {
  const { url, glance } = await startEndpoint(undoAfter(t))
  glance.answer = (request, response) => {
    response.sendDate = false
    response.writeHead(300, 'Several Of Them', ['X-Odd', 'a', 'X-Odd', 'b', 'Connection', 'close, X-Hop', 'X-Hop', '1'])
    response.end(request.method === 'HEAD' ? '' : 'body')
  }
  const headers = { host: 'glance.test', 'X-Auth-Token': 't', Connection: 'x-mine', 'X-Mine': '1', TE: 'trailers' }
  const answer = await answerOf(send(url, '/v2/%zz//images?a=%20b', { method: 'PURGE', headers }).end())
  deepEqual([answer.statusCode, answer.statusMessage], [300, 'Several Of Them'])
  const lines = answer.rawHeaders.join('\n')
  ok(lines.includes('X-Odd\na\nX-Odd\nb'))
  ok(!lines.includes('X-Hop') && !lines.includes('Date'))
  equal((await bodyOf(answer)).toString(), 'body')
  const [got] = glance.got
  deepEqual([got?.method, got?.url], ['PURGE', '/v2/%zz//images?a=%20b'])
  deepEqual([got?.headers.host, got?.headers['x-auth-token']], ['glance.test', 't'])
  deepEqual([got?.headers['x-mine'], got?.headers.te], [undefined, undefined])
})

test("Glance's own name is sent where a proxy before it goes by names", async (t) => {
  const { url, glance } = await startEndpoint(undoAfter(t), { sendHost: 'glance' })
  await bodyOf(await answerOf(send(url, '/v2', { headers: { host: 'glance.test' } }).end()))
  equal(`http://${glance.got[0]?.headers.host}`, glance.url)
})

test('answers without a body stay without one', async (t) => {
  const { url, glance } = await startEndpoint(undoAfter(t))
  glance.answer = (request, response) => {
    if (request.method === 'HEAD') response.writeHead(405, { 'content-length': 99 }).end()
    else response.writeHead(204).end()
  }
  const head = await answerOf(send(url, '/v2/images', { method: 'HEAD' }).end())
  deepEqual([head.statusCode, head.headers['content-length'], (await bodyOf(head)).length], [405, '99', 0])
  const none = await answerOf(send(url, '/v2/images', { method: 'DELETE' }).end())
  deepEqual(
    [none.statusCode, none.headers['content-length'], none.headers['transfer-encoding']],
    [204, undefined, undefined],
  )
})

for (const isChunked of [true, false]) {
  test(`an upload streams through, ${isChunked ? 'in chunks' : 'with its length'}, whatever its method`, async (t) => {
    const { url, glance } = await startEndpoint(undoAfter(t))
    const bodies: Promise<Buffer>[] = []
    glance.answer = (request, response) => {
      bodies.push(bodyOf(request))
      request.once('end', () => response.writeHead(204).end())
    }
    for (const method of ['PUT', 'DELETE']) {
      const framing = isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': DATA.length }
      const sent = send(url, `/v2/images/${IMAGE}/file`, { method, headers: { ...framing } })
      sent.write(DATA.subarray(0, 1_000_000))
      await when(() => bodies.length > 0)
      sent.end(DATA.subarray(1_000_000))
      equal((await answerOf(sent)).statusCode, 204)
      ok((await bodies.shift())?.equals(DATA))
    }
    const headers = glance.got[0]?.headers
    equal(headers?.['transfer-encoding'], isChunked ? 'chunked' : undefined)
    equal(headers?.['content-length'], isChunked ? undefined : String(DATA.length))
  })
}

test('whether a body is wanted is for Glance to say', async (t) => {
  const { url, glance } = await startEndpoint(undoAfter(t))
  let isWanted = true
  glance.wantsBodies = false
  const bodies: Promise<Buffer>[] = []
  glance.answer = (request, response) => {
    if (!isWanted) return void response.writeHead(401).end('no')
    response.writeContinue()
    bodies.push(bodyOf(request))
    request.once('end', () => response.writeHead(204).end())
  }
  const ask = () =>
    send(url, '/v2/x', { method: 'PUT', headers: { expect: '100-continue', 'content-length': DATA.length } })
  const first = ask()
  first.flushHeaders()
  await once(first, 'continue')
  first.end(DATA)
  equal((await answerOf(first)).statusCode, 204)
  ok((await bodies[0])?.equals(DATA))
  isWanted = false
  const second = ask()
  second.on('continue', () => ok(false, 'it was told to go on'))
  second.flushHeaders()
  const answer = await answerOf(second)
  deepEqual([answer.statusCode, (await bodyOf(answer)).toString()], [401, 'no'])
})

test('an upload that its client breaks off does not look like one that is all there', async (t) => {
  const { url, glance } = await startEndpoint(undoAfter(t))
  const ends: string[] = []
  glance.answer = (request) => {
    request.on('data', () => {})
    request.once('end', () => ends.push('end'))
    request.once('aborted', () => ends.push('aborted'))
    request.on('error', () => {})
  }
  const sent = send(url, '/v2/x', { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } })
  sent.on('error', () => {})
  sent.write(DATA.subarray(0, 100_000))
  await when(() => glance.got.length === 1)
  sent.destroy()
  await when(() => ends.length > 0)
  deepEqual(ends, ['aborted'])
})

test('an answer to half a request reaches the client, whose connection can be used again', async (t) => {
  const { url, glance } = await startEndpoint(undoAfter(t))
  // As Glance does, which then closes the connection with the body unread.
  glance.wantsBodies = false
  glance.answer = (_request, response) => response.writeHead(413, { connection: 'close' }).end('too much')
  for (const _ of [1, 2]) {
    const answer = await fetch(`${url}/v2/x`, { method: 'PUT', body: DATA })
    deepEqual([answer.status, await answer.text()], [413, 'too much'])
  }
})

test('when the client goes away Glance is not kept busy', async (t) => {
  const { url, glance } = await startEndpoint(undoAfter(t))
  let isClosed = false
  glance.answer = (_request, response) => {
    response.once('close', () => {
      isClosed = true
    })
    response.write('a part')
  }
  const sent = send(url, '/v2/x').end()
  sent.on('error', () => {})
  ;(await answerOf(sent)).on('error', () => {})
  sent.destroy()
  await when(() => isClosed)
})

test('an answer that Glance cuts is cut for the client too', async (t) => {
  const { url, glance } = await startEndpoint(undoAfter(t))
  glance.answer = (_request, response) => {
    response.write('a part', () => response.destroy())
  }
  await rejects(bodyOf(await answerOf(send(url, '/v2/x').end())), { code: 'ECONNRESET' })
})

test('a Glance that is away, or silent, is told in its place', async (t) => {
  const undo = undoAfter(t)
  const { url, glance } = await startEndpoint(undo, { silenceMs: 50 })
  const codeOf = async () => {
    const answer = await answerOf(send(url, '/v2/x').end())
    const body = JSON.parse((await bodyOf(answer)).toString()) as { error: { code: string } }
    return [answer.statusCode, body.error.code]
  }
  glance.answer = () => {}
  deepEqual(await codeOf(), [504, 'SHOAL_GATEWAY_TIMEOUT'])
  glance.answer = (request) => request.socket.destroy()
  deepEqual(await codeOf(), [502, 'SHOAL_GATEWAY_UNREACHABLE'])
})

test('it stops although a download waits', async (t) => {
  const undo = undoAfter(t)
  const { url, endpoint, source, downloads } = await startEndpoint(undo)
  held(source)
  const sent = send(url, `/v2/images/${IMAGE}/file`).end()
  const closed = new Promise((resolve) => sent.once('close', resolve))
  sent.on('error', () => {})
  sent.on('response', (answer) => answer.on('error', () => {}))
  await when(() => source.pending.size > 0)
  await endpoint[Symbol.asyncDispose]()
  await closed
  equal(downloads.running, 0)
  await rejects(fetch(url))
})
