export { stateErrors } from './errors.ts'
export { openLevelState } from './level-state.ts'
export { createMemoryState } from './memory-state.ts'
export {
  type StateBatchOptions,
  type StateChange,
  type StateCondition,
  type StateEntry,
  type StateOperation,
  type StateRangeOptions,
  type StateStore,
  WATCH_LIMIT,
} from './state-store.ts'
