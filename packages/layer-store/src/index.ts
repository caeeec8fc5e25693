export { createLayerStore, type LayerStoreDeps, type LayerStoreOptions } from './disk-layer-store.ts'
export { storeErrors } from './errors.ts'
export type {
  LayerDescription,
  LayerStore,
  LayerVerification,
  StagedFile,
  StoredLayer,
  StoreUsage,
  VerifyOptions,
} from './layer-store.ts'
export { createMemoryLayerStore, type MemoryLayerStoreOptions } from './memory-layer-store.ts'
