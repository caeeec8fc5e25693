import type { CommandCost } from './measure-command.ts'

/** Makes a middle of a flat image, and a flat disk of a chain: ours, and QEMU's tools. */
export interface LayerMaker {
  readonly name: string
  /** Writes what a flat image has beside its base. */
  makeMiddle(job: MiddleJob): Promise<CommandCost>
  /** Writes the disk that base and middle show. The middle was made by this maker. */
  compose(job: ComposeJob): Promise<CommandCost>
}

/** All paths; the images are qcow2. */
export interface MiddleJob {
  readonly base: string
  readonly flat: string
  /** To be written. */
  readonly middle: string
}

export interface ComposeJob {
  readonly base: string
  readonly middle: string
  /** To be written. */
  readonly output: string
  readonly format: 'raw' | 'qcow2'
}
