export { type FuzzTally, runRange } from './run-range.ts'
