import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEventStream, type ServerSentEvent } from '@shoal/api'
import fc from 'fast-check'

const stream = (...chunks: Uint8Array[]) => ReadableStream.from(chunks) as ReadableStream<Uint8Array>

async function parse(...chunks: Uint8Array[]): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = []
  for await (const event of parseEventStream(stream(...chunks))) events.push(event)
  return events
}

test('events come out the same however the bytes are cut', async () => {
  const text = fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value))
  const events = fc.array(
    fc.record({ id: fc.nat().map(String), event: fc.constantFrom('a.b', 'ü'), data: text }, { noNullPrototype: true }),
  )
  await fc.assert(
    fc.asyncProperty(events, fc.array(fc.nat(200), { maxLength: 20 }), async (sent, sizes) => {
      const lines = sent.map(({ id, event, data }) => `: comment\n\nid: ${id}\nevent: ${event}\ndata: ${data}\n\n`)
      const bytes = Buffer.from(lines.join(''))
      const chunks: Uint8Array[] = []
      let offset = 0
      for (const size of sizes) {
        chunks.push(bytes.subarray(offset, offset + size))
        offset += size
      }
      chunks.push(bytes.subarray(offset))
      assert.deepEqual(await parse(...chunks), sent)
    }),
    { numRuns: 200 },
  )
})

test('an event that is not finished when the stream ends is dropped', async () => {
  assert.deepEqual(await parse(Buffer.from('event: a\ndata: 1\n\nevent: b\ndata: 2\n')), [
    { id: undefined, event: 'a', data: '1' },
  ])
})

test('an event that never ends is refused, with or without comments in between', async () => {
  const megabyte = Buffer.from(`data: ${'x'.repeat(1024 ** 2)}\n: comment\n`)
  await assert.rejects(parse(...Array<Uint8Array>(34).fill(megabyte)), RangeError)
})

test('the body is cancelled when the reader leaves early', async () => {
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from('data: 1\n\n')),
    cancel: () => {
      cancelled = true
    },
  })
  for await (const event of parseEventStream(body)) {
    assert.equal(event.event, 'message')
    break
  }
  assert.ok(cancelled)
})
