import { createMemoryLayerStore } from '@shoal/layer-store'
import { layerStoreConformance } from './conformance.ts'

layerStoreConformance('memory', async () => createMemoryLayerStore())
