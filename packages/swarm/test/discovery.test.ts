import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { it } from 'node:test'
import { silentLogger } from '@shoal/core'
import { undoAfter } from '../../../test/harness/undo.ts'
import { Discovery } from '../src/discovery.ts'

for (const { told, heldMs } of [
  { told: '7', heldMs: 7000 },
  { told: '-5', heldMs: 1000 },
  { told: '999999999999', heldMs: 15 * 60_000 },
]) {
  it(`announces every ${heldMs} ms when the tracker says ${told} s`, async (t) => {
    const undo = undoAfter(t)
    const server = createServer((_request, response) => response.end(`d8:intervali${told}e5:peers0:e`))
    server.listen(0, '127.0.42.1')
    await once(server, 'listening')
    undo.after(async () => {
      server.closeAllConnections()
      server.close()
    })
    // The client's timers: two at the start, the third with the answer.
    const intervals: (number | undefined)[] = []
    const third = Promise.withResolvers<void>()
    const { setInterval } = globalThis
    const note = (_task: () => void, intervalMs?: number) => {
      if (intervals.push(intervalMs) === 3) third.resolve()
      return setInterval(() => {}, 60_000)
    }
    t.mock.method(globalThis, 'setInterval', note)
    const discovery = new Discovery(
      {
        ...{ infoHash: '0a'.repeat(20), peerId: '0b'.repeat(20), dht: undefined, logger: silentLogger },
        ...{
          isGiving: () => true,
          leftBytes: () => 1,
          transferred: () => ({ uploaded: 0, downloaded: 0 }),
          onPeers: () => {},
        },
      },
      { port: 7441, announceIntervalMs: 20_000 },
    )
    undo.after(() => discovery.close())
    discovery.start([`http://127.0.42.1:${(server.address() as AddressInfo).port}/announce`])
    await third.promise
    assert.deepEqual(intervals.slice(1), [20_000, heldMs])
  })
}
