import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EXIT } from '../../src/exit-code.ts'
import { digestOf } from '../builders.ts'
import { startCachePeer } from './stand-in-cache.ts'

const A = digestOf('aaaaaaaa')

it('a layer is pinned by a prefix that the peer knows, as often as one likes', async () => {
  await using peer = await startCachePeer()
  for (let time = 0; time < 2; time += 1) {
    const { code, stdout } = await peer.cache('pin', 'aaaaaaaa')
    assert.equal(code, EXIT.ok)
    assert.equal(stdout, 'aaaaaaaa0000: held by operator until it is unpinned\n')
  }
  assert.deepEqual([...peer.pins], [[`${A} operator`, {}]])
})

it('a pin may have an owner and an end, and the layer need not be there', async () => {
  await using peer = await startCachePeer()
  const absent = digestOf('ffffffff')
  const until = '2099-01-01T00:00:00.000Z'
  const { stdout } = await peer.cache('pin', absent, '--owner', 'release 7', '--until', '2099-01-01T01:00:00+01:00')
  assert.equal(stdout, `ffffffff0000: held by release 7 until ${until}\n`)
  assert.deepEqual([...peer.pins], [[`${absent} release 7`, { owner: 'release 7', expiresAt: until }]])
  const json = JSON.parse((await peer.cache('pin', absent, '--until', '2h', '--json')).stdout)
  assert.equal(json.kind, 'operator')
  const leftMs = Date.parse(json.expiresAt) - Date.now()
  assert.ok(leftMs > 3_600_000 && leftMs <= 2 * 3_600_000, `${leftMs} ms`)
})

it('a pin that would end in the past, or at no time, or has no owner, is refused before it is set', async () => {
  await using peer = await startCachePeer()
  for (const [args, reason] of [
    [['--until', '2020-01-01T00:00:00Z'], /is over already/],
    [['--until', 'soon'], /is no time.*\n.*shoal cache pin --help/],
    [['--owner', ''], /SHOAL_HTTP_INVALID|SHOAL_CLI_USAGE/],
  ] as const) {
    const { code, stderr } = await peer.cache('pin', 'aaaaaaaa', ...args)
    assert.equal(code, EXIT.usage, args.join(' '))
    assert.match(stderr, reason)
  }
  assert.equal(peer.pins.size, 0)
})

it("unpinning takes one owner's pin back, and says so when there was none", async () => {
  await using peer = await startCachePeer()
  await peer.cache('pin', 'aaaaaaaa')
  await peer.cache('pin', 'aaaaaaaa', '--owner', 'release 7')
  assert.equal((await peer.cache('unpin', 'aaaaaaaa', '--owner', 'release 7')).stdout, 'aaaaaaaa0000: unpinned\n')
  assert.deepEqual([...peer.pins.keys()], [`${A} operator`])
  const again = await peer.cache('unpin', 'aaaaaaaa', '--owner', 'release 7')
  assert.equal(again.code, EXIT.ok)
  assert.match(again.stdout, /^aaaaaaaa0000: has no pin of release 7 /)
  assert.deepEqual(JSON.parse((await peer.cache('unpin', 'aaaaaaaa', '--json')).stdout), { layer: A, unpinned: true })
  assert.deepEqual(JSON.parse((await peer.cache('unpin', 'aaaaaaaa', '--json')).stdout), { layer: A, unpinned: false })
})
