import { setFlagsFromString } from 'node:v8'

/**
 * Keeps V8's young generation as large as it is now, which after the modules are loaded is about 16 MiB. By itself it doubles
 * whenever much of it survives, up to 128 MiB, and is hardly ever given back: at full speed a peer would hold 50 MiB more and be no
 * faster for it (bench/many-layers). V8 reads this factor each time it is about to grow; the option that names a size it reads
 * only before a program runs.
 */
export function holdYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
