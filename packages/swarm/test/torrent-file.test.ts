import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import bencode from 'bencode'
import fc from 'fast-check'
import { decodeTorrent, encodeTorrent } from '../src/torrent-file.ts'

const description = {
  name: 'layer.qcow2',
  sizeBytes: 100_000,
  pieceLengthBytes: 65_536,
  pieceHashes: new Uint8Array(40).fill(7),
  announce: ['http://192.0.2.1:7421/announce', 'udp://192.0.2.1:7421'],
}

test('what is encoded is decoded, with the same info hash', () => {
  const { torrent, infoHash } = encodeTorrent(description)
  const { info, ...decoded } = decodeTorrent(torrent) ?? {}
  assert.deepEqual(decoded, { infoHash, name: 'layer.qcow2', sizeBytes: 100_000, pieceLengthBytes: 65_536 })
  assert.ok(info !== undefined)
  assert.equal(createHash('sha1').update(info).digest('hex'), infoHash)
  assert.equal(info.buffer, torrent.buffer, 'a copy of what is there already')
})

test('the torrent is private and names all trackers', () => {
  const decoded = bencode.decode(encodeTorrent(description).torrent) as {
    info: { private: number }
    'announce-list': Uint8Array[][]
  }
  assert.equal(decoded.info.private, 1)
  const trackers = decoded['announce-list'].map(([url]) => Buffer.from(url ?? []).toString())
  assert.deepEqual(trackers, description.announce)
})

test('the info hash does not depend on the trackers', () => {
  assert.equal(encodeTorrent({ ...description, announce: [] }).infoHash, encodeTorrent(description).infoHash)
})

test('anything else than a torrent is undefined, never an exception', () => {
  const { torrent } = encodeTorrent(description)
  fc.assert(
    fc.property(fc.nat(torrent.length - 1), fc.nat(255), fc.nat(torrent.length), (at, value, length) => {
      const bytes = torrent.slice(0, length)
      bytes[at] = value
      decodeTorrent(bytes)
    }),
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeTorrent(bytes)))
})
