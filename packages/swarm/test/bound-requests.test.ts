import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, test } from 'node:test'
import bencode from 'bencode'
import type { HttpTracker } from 'bittorrent-tracker'
import { type Undo, undoAfter } from '../../../test/harness/undo.ts'
import { boundRequests } from '../src/bound-requests.ts'
import { MAX_TRACKER_ANSWER_BYTES, readTrackerAnswer } from '../src/tracker-answer.ts'

const HOST = '127.0.96.1'

/** What the library is to the bounds, asking a server that answers so. */
async function asking(
  undo: Undo,
  answer: (response: ServerResponse) => void,
  options: { timeoutMs?: number; params?: Record<string, unknown> } = {},
) {
  const urls: string[] = []
  const server = createServer((request, response) => {
    urls.push(request.url ?? '')
    answer(response)
  })
  server.listen(0, HOST)
  await once(server, 'listening')
  undo.after(async () => {
    server.closeAllConnections()
    server.close()
  })
  const announceUrl = `http://${HOST}:${(server.address() as AddressInfo).port}/announce`
  const tracker: HttpTracker = {
    ...{ announceUrl, destroyed: false, cleanupFns: [], maybeDestroyCleanup: null },
    setInterval: () => {},
    announce: () => {},
    _request: () => {},
  }
  boundRequests(tracker, options.timeoutMs)
  const answered = new Promise<object>((resolve, reject) => {
    tracker._request(announceUrl, options.params ?? {}, (error, given) =>
      error === null ? resolve(given ?? {}) : reject(error),
    )
  })
  return { tracker, answered, urls }
}

test('an announce is asked with a byte as a character, and answered with what the tracker says', async (t) => {
  const params = { info_hash: 'ab\u0000\u00ff*/+ &', port: 7441, trackerid: undefined }
  const peers = Buffer.from('7f0000011d11', 'hex')
  const answer = (response: ServerResponse) => response.end(bencode.encode({ interval: 30, peers }))
  const { tracker, answered, urls } = await asking(undoAfter(t), answer, { params })
  assert.deepEqual(await answered, { interval: 30, peers: Uint8Array.from(peers) })
  assert.deepEqual(urls, ['/announce?info_hash=ab%00%ff%2a%2f%2b%20%26&port=7441'])
  assert.deepEqual(tracker.cleanupFns, [])
})

describe('an announce fails, and nothing else does, when a tracker', () => {
  for (const [name, answer] of Object.entries<(response: ServerResponse) => void>({
    'breaks off in the middle of its answer': (response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('d8:interval')
      setImmediate(() => response.destroy())
    },
    'answers for ever': (response) => {
      response.write(Buffer.alloc(MAX_TRACKER_ANSWER_BYTES))
      response.write('1')
    },
    'says nothing more after its head': (response) => response.writeHead(200).flushHeaders(),
    'does not answer': () => {},
    'answers with a bomb': (response) => response.end('l-3:'),
    'answers with nothing': (response) => response.end(),
    'answers with another status': (response) => response.writeHead(500).end('d8:intervali1ee'),
    'sends us elsewhere': (response) => response.writeHead(302, { location: `http://${HOST}:1/` }).end(),
    refuses: (response) => response.end('d14:failure reason2:noe'),
  })) {
    it(name, async (t) => {
      const { tracker, answered } = await asking(undoAfter(t), answer, { timeoutMs: 200 })
      await assert.rejects(answered)
      assert.deepEqual(tracker.cleanupFns, [])
    })
  }
})

test('fields of the wrong type are as if they were not there', () => {
  const read = (answer: Record<string, never>) => readTrackerAnswer(bencode.encode(answer))
  const wrong = { interval: 'x', peers: [{ ip: 'x', port: 1 }], peers6: 7, 'tracker id': [1] } as unknown
  assert.deepEqual(read(wrong as Record<string, never>), {})
  assert.deepEqual(read({ peers: Buffer.alloc(5) } as unknown as Record<string, never>), {})
})

test('of an answer with very many peers the first are taken', () => {
  assert.equal(readTrackerAnswer(bencode.encode({ peers: Buffer.alloc(6 * 2000) })).peers?.length, 6 * 200)
})
