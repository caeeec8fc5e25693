import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import { readBootProfile, writeBootProfile } from '../../../src/boot-profile.ts'

const reads = [
  { offset: 0, length: 512, milliseconds: 0 },
  { offset: 65_536, length: 4096, milliseconds: 12 },
]
const PROFILE = writeBootProfile({
  recordedOn: '0b1d3c4e-6a52-4e0f-9d6e-0c8d5a5f7a11',
  virtualSizeBytes: 1 << 30,
  reads,
})

/** What this package parses beside images, whose own mutator is in this folder too. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'boot-profile',
    corpus: [Buffer.from(PROFILE)],
    words: ['\n', ' ', '{', '}', '"', '"version":', '-', '.'],
    execute: async (input) => {
      try {
        const profile = await readBootProfile(input.toString('latin1'))
        for (const { offset, length } of profile.reads) {
          mustHold(offset >= 0 && length > 0 && offset + length <= profile.virtualSizeBytes, 'a read beyond the disk')
        }
        return true
      } catch (error) {
        if (error instanceof Error && 'code' in error && String(error.code).startsWith('SHOAL_BOOT_PROFILE_'))
          return false
        throw error
      }
    },
  },
]
