import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { HASH_BUFFER_BYTES, LayerHasher } from '../../src/imports/layer-hasher.ts'

const sha = (algorithm: string, data: Uint8Array) => createHash(algorithm).update(data).digest()

async function feed(hasher: LayerHasher, data: Uint8Array, stepBytes: number): Promise<void> {
  for (let offset = 0; offset < data.length; offset += stepBytes) {
    const part = data.subarray(offset, offset + stepBytes)
    const buffer = await hasher.buffer()
    buffer.set(part)
    hasher.update(buffer, part.length)
  }
}

it('hashes the whole, every block and every piece, however the bytes are cut', async () => {
  const data = randomBytes(1_000_003)
  const geometry = { sizeBytes: data.length, blockLengthBytes: 65_536, pieceLengthBytes: 131_072 }
  for (const stepBytes of [HASH_BUFFER_BYTES, 99_991]) {
    await using hasher = new LayerHasher('image', { ...geometry, algorithm: 'sha512' })
    await feed(hasher, data, stepBytes)
    const result = await hasher.finish()
    assert.equal(result.imageHash, sha('sha512', data).toString('hex'))
    assert.deepEqual(Buffer.from(result.sha256), sha('sha256', data))
    const parts = (length: number, algorithm: string) =>
      Buffer.concat(
        Array.from({ length: Math.ceil(data.length / length) }, (_, index) =>
          sha(algorithm, data.subarray(index * length, (index + 1) * length)),
        ),
      )
    assert.deepEqual(Buffer.from(result.blockHashes), parts(65_536, 'sha256'))
    assert.deepEqual(Buffer.from(result.pieceHashes), parts(131_072, 'sha1'))
  }
})

it('has a bounded number of buffers: a writer faster than the worker waits', async () => {
  const geometry = { sizeBytes: 1, blockLengthBytes: 65_536, pieceLengthBytes: 65_536 }
  await using hasher = new LayerHasher('image', { ...geometry, algorithm: 'sha512' })
  const taken = []
  for (let index = 0; index < 6; index += 1) taken.push(await hasher.buffer())
  let isGiven = false
  const seventh = hasher.buffer().then(() => {
    isGiven = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isGiven, false)
  const [first] = taken
  assert.ok(first)
  hasher.update(first, 1)
  await seventh
})

it('fails with a code when the worker fails', async () => {
  const geometry = { sizeBytes: 1, blockLengthBytes: 65_536, pieceLengthBytes: 65_536 }
  await using hasher = new LayerHasher('image', { ...geometry, algorithm: 'no-such-hash' })
  await assert.rejects(hasher.finish(), { code: 'SHOAL_IMPORT_HASHING' })
  await assert.rejects(hasher.buffer(), { code: 'SHOAL_IMPORT_HASHING' })
})
