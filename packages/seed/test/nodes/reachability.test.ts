import { equal, match } from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { checkReachability } from '../../src/nodes/reachability.ts'

const TIMEOUT_MS = 5000

async function listening(): Promise<{ address: string } & AsyncDisposable> {
  const server = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

test('says whether a node can be connected to, and what to look at when it cannot', async () => {
  await using node = await listening()
  const there = await checkReachability(node.address, { timeoutMs: TIMEOUT_MS })
  equal(there.reachable, true)
  await node[Symbol.asyncDispose]()
  const gone = await checkReachability(node.address, { timeoutMs: TIMEOUT_MS })
  equal(gone.reachable, false)
  match(gone.message, /nothing listens there; check swarm.host/)
  match((await checkReachability('nonsense', { timeoutMs: TIMEOUT_MS })).message, /is not a host and a port/)
})

test('nothing of a check is left with the signal that outlives it, and one that is aborted ends', async () => {
  await using node = await listening()
  const stop = new AbortController()
  const check = () => checkReachability(node.address, { timeoutMs: TIMEOUT_MS, signal: stop.signal })
  for (let round = 0; round < 10; round += 1) equal((await check()).reachable, true)
  equal(getEventListeners(stop.signal, 'abort').length, 0)
  const under = check()
  stop.abort()
  equal((await under).reachable, false)
  equal((await check()).reachable, false)
  equal(getEventListeners(stop.signal, 'abort').length, 0)
})
