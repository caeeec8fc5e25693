import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { blockCount, blockSize, blocksOfPiece, chooseGeometry, pieceCount, pieceSize } from '@shoal/core'
import fc from 'fast-check'

const GIB = 1024 ** 3
const sizes = fc.integer({ min: 1, max: 2000 })
const lengths = fc.record({ blockBits: fc.integer({ min: 0, max: 6 }), pieceBits: fc.integer({ min: 0, max: 4 }) })

describe('geometry', () => {
  test('pieces are 128 KiB for small layers, 256 KiB up to 4 GiB, and double so that there are at most 16,384', () => {
    const pieceLength = (sizeBytes: number) => chooseGeometry(sizeBytes).pieceLengthBytes / 1024
    const sizes = [1, GIB / 8, GIB / 8 + 1, GIB, 4 * GIB, 4 * GIB + 1, 8 * GIB, 100 * GIB].map(pieceLength)
    assert.deepEqual(sizes, [128, 128, 256, 256, 256, 512, 512, 8192])
    for (const sizeBytes of [GIB, 5 * GIB, 64 * GIB, 1024 * GIB]) {
      assert.ok(pieceCount(chooseGeometry(sizeBytes)) <= 16_384)
      assert.equal(chooseGeometry(sizeBytes).blockLengthBytes, 256 * 1024)
    }
  })

  test('blocks and pieces cover a layer exactly', () => {
    fc.assert(
      fc.property(sizes, lengths, (sizeBytes, { blockBits, pieceBits }) => {
        const geometry = { sizeBytes, blockLengthBytes: 2 ** blockBits, pieceLengthBytes: 2 ** (blockBits + pieceBits) }
        let covered = 0
        let nextBlock = 0
        for (let piece = 0; piece < pieceCount(geometry); piece += 1) {
          const { first, end } = blocksOfPiece(geometry, piece)
          assert.equal(first, nextBlock)
          let inPiece = 0
          for (let block = first; block < end; block += 1) inPiece += blockSize(geometry, block)
          assert.equal(inPiece, pieceSize(geometry, piece))
          assert.ok(inPiece > 0 && inPiece <= geometry.pieceLengthBytes)
          covered += inPiece
          nextBlock = end
        }
        assert.equal(covered, sizeBytes)
        assert.equal(nextBlock, blockCount(geometry))
      }),
    )
  })
})
