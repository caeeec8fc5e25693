export { fuzzTargets } from './fuzz-targets.ts'
export { type FuzzTally, runRange } from './run-range.ts'
