import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { registerOperation, type StreamMessage } from '@shoal/service'
import { Type } from 'typebox'
import { asOperator, buildService, OPERATOR_TOKEN } from './start-service.ts'

const watch = {
  id: 'watch',
  method: 'GET',
  path: '/v1/watch',
  role: 'operator',
  summary: 'Watches.',
  contentType: 'text/event-stream',
  response: Type.Object({ text: Type.String() }),
} as const

type Message = StreamMessage<{ text: string }>

async function startStream(
  source: (signal: AbortSignal, lastEventId: string | undefined) => AsyncIterable<Message>,
  options: { keepAliveMs?: number; maxEventStreams?: number } = {},
) {
  const { keepAliveMs, ...rest } = options
  const { service } = await buildService(rest)
  const handler = ({ signal, lastEventId }: { signal: AbortSignal; lastEventId: string | undefined }) =>
    source(signal, lastEventId)
  registerOperation(service.app, watch, handler, keepAliveMs === undefined ? {} : { keepAliveMs })
  const url = `${await service.start()}${watch.path}`
  return { url, service, [Symbol.asyncDispose]: service.stop }
}

/** Resolves when the signal fires; yields nothing. */
async function* silence(signal: AbortSignal): AsyncGenerator<Message> {
  await once(signal, 'abort')
  yield* []
}

/** All of it, weak references included, which hold until the end of a turn of the event loop. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
}

async function readUntil(response: Response, wanted: RegExp): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!wanted.test(text)) {
    const next = await reader?.read()
    if (next === undefined || next.done) return text
    text += next.value
  }
  await reader?.cancel()
  return text
}

test('messages are sent with id, event and one line of JSON, whatever they hold', async () => {
  await using stream = await startStream(async function* (_signal, lastEventId) {
    yield { id: 7, event: 'changed', data: { text: `after ${lastEventId}\n\nevent: forged` } }
    yield { event: 'two\nid: 9', data: { text: '' } }
  })
  const response = await fetch(stream.url, { headers: { ...asOperator, 'last-event-id': '6' } })
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const expected = [
    ': connected\n\n',
    'id: 7\nevent: changed\ndata: {"text":"after 6\\n\\nevent: forged"}\n\n',
    'event: two id: 9\ndata: {"text":""}\n\n',
  ]
  assert.equal(await response.text(), expected.join(''))
})

test('what was sent is not kept while the stream goes on', async () => {
  const sent: WeakRef<object>[] = []
  await using stream = await startStream(async function* (signal) {
    for (let count = 0; count < 500; count += 1) {
      const data = { text: 'x'.repeat(100) }
      sent.push(new WeakRef(data))
      yield { event: 'one', data }
    }
    yield { event: 'last', data: { text: '' } }
    await once(signal, 'abort')
  })
  const response = await fetch(stream.url, { headers: asOperator })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  for (let text = ''; !text.includes('event: last'); text = text.slice(-20) + ((await reader?.read())?.value ?? ''));
  await collectGarbage()
  const kept = sent.filter((ref) => ref.deref() !== undefined).length
  await reader?.cancel()
  assert.ok(kept < 10, `${kept} of ${sent.length} are kept`)
})

test('a silent stream is kept alive by comments', async () => {
  await using stream = await startStream(silence, { keepAliveMs: 5 })
  const text = await readUntil(await fetch(stream.url, { headers: asOperator }), /(: keep-alive\n\n){2}/)
  assert.match(text, /keep-alive/)
})

test('the source is told when the client goes', async () => {
  const gone = Promise.withResolvers<void>()
  await using stream = await startStream(async function* (signal) {
    yield { event: 'first', data: { text: '' } }
    await once(signal, 'abort')
    gone.resolve()
  })
  await readUntil(await fetch(stream.url, { headers: asOperator }), /first/)
  await gone.promise
})

test('stopping the service ends every stream in an orderly way, also one whose source ignores the signal', async () => {
  await using stream = await startStream(async function* () {
    yield { event: 'first', data: { text: '' } }
    await new Promise(() => {})
  })
  const responses = await Promise.all([1, 2].map(() => fetch(stream.url, { headers: asOperator })))
  const texts = responses.map((response) => response.text())
  await stream.service.stop()
  for (const text of await Promise.all(texts)) assert.match(text, /first/)
})

test('more streams than allowed are refused with SHOAL_HTTP_BUSY; one that ends makes room', async () => {
  await using stream = await startStream(silence, { maxEventStreams: 1 })
  const first = await fetch(stream.url, { headers: asOperator })
  const second = await fetch(stream.url, { headers: asOperator })
  assert.equal(second.status, 503)
  assert.match(await second.text(), /SHOAL_HTTP_BUSY/)
  await first.body?.cancel()
  let third = await fetch(stream.url, { headers: asOperator })
  while (third.status === 503) {
    await third.text()
    third = await fetch(stream.url, { headers: asOperator })
  }
  assert.equal(third.status, 200)
  await third.body?.cancel()
})

test('a source that fails cuts the stream and nothing else', async () => {
  await using stream = await startStream(async function* () {
    yield* []
    throw new Error('broken')
  })
  const response = await fetch(stream.url, { headers: asOperator })
  assert.equal(response.status, 200)
  await response.text().catch(() => {})
  assert.equal((await fetch(new URL('/healthz', stream.url))).status, 200)
})

test('a client that reads nothing holds the source back instead of filling memory', async () => {
  let produced = 0
  const waiting = Promise.withResolvers<void>()
  const data = { text: 'x'.repeat(64 * 1024) }
  await using stream = await startStream(async function* (signal) {
    while (!signal.aborted) {
      produced += 1
      // Nobody asks for another one soon: the timer only fires when the source is held back.
      const timer = setTimeout(waiting.resolve, 200)
      yield { event: 'more', data }
      clearTimeout(timer)
    }
  })
  const { hostname, port, pathname } = new URL(stream.url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.pause()
  socket.write(`GET ${pathname} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${OPERATOR_TOKEN}\r\n\r\n`)
  await waiting.promise
  // Kernel buffers of a loopback connection hold some megabytes; without back-pressure this would not end.
  assert.ok(produced < 1000, `${produced} events were produced`)
  socket.destroy()
})
