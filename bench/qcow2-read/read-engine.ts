import type { ReadCase } from './read-case.ts'
import type { ReadPattern } from './read-pattern.ts'

/** What one pass took. */
export interface ReadCost {
  /** From the first read to the last, without opening. */
  readonly wallSeconds: number
  /** Of the process that reads the images. */
  readonly cpuSeconds: number
  readonly peakRssMiB: number
  /** Of the process that asked it, where that is another. */
  readonly clientCpuSeconds?: number
}

/** Something that reads qcow2 images. */
export interface ReadEngine {
  readonly name: string
  open(images: ReadCase): Promise<OpenImages>
}

export interface OpenImages extends AsyncDisposable {
  /** `undefined` for a pattern that it does not have. */
  read(pattern: ReadPattern): Promise<ReadCost | undefined>
}
