import type { Qcow2Format } from './qcow2-writer.ts'

/** How layers are written that Shoal makes (docs/adr/0019); measured by bench/layer-format. */
export const LAYER_FORMAT: Qcow2Format = { clusterBits: 16, compression: 'zstd', level: 3 }
