import type { Qcow2Format } from '@shoal/qcow2'

/** How layers are written (docs/adr/0016): measured by `npm run bench -- layers`. */
export const LAYER_FORMAT: Qcow2Format = { clusterBits: 16, compression: 'zstd', level: 9 }
