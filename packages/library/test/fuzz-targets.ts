import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import { parseByteRange } from '../src/byte-range.ts'

const SIZE = 1000

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'range-header',
    corpus: ['bytes=0-', 'bytes=10-20', 'bytes=-5', 'bytes=0-1,5-9', 'bytes=999-1000'].map((text) => Buffer.from(text)),
    words: ['bytes', '=', '-', ',', '99999999999999999999', ' '],
    execute: (input) => {
      const range = parseByteRange(input.toString('latin1'), SIZE)
      if (range.kind !== 'part') return false
      const { start, end } = range
      mustHold(Number.isInteger(start) && start >= 0 && start < end && end <= SIZE, `${start} to ${end}`)
      return true
    },
  },
]
