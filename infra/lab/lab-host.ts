import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { LabCable } from './lab-cable.ts'

export interface ExecOptions {
  /** The process's environment. Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** A file to which standard output and error are appended. Default: both are pipes of the ChildProcess. */
  readonly log?: string
}

export interface LabHostOptions {
  readonly name: string
  readonly namespace: string
  readonly address: string
  readonly zone: string | undefined
  readonly rack: string | undefined
  /** From its rack's switch to it. */
  readonly cable: LabCable
}

/** A machine of the lab: a network namespace with one cable and one address. */
export class LabHost {
  readonly name: string
  readonly namespace: string
  readonly address: string
  /** Where it is said to be; undefined at the core. */
  readonly zone: string | undefined
  readonly rack: string | undefined
  readonly cable: LabCable

  constructor(options: LabHostOptions) {
    this.name = options.name
    this.namespace = options.namespace
    this.address = options.address
    this.zone = options.zone
    this.rack = options.rack
    this.cable = options.cable
  }

  /**
   * Starts a program on this host. `ip netns exec` replaces itself by the program, so the ChildProcess's pid is the
   * program's own and a signal reaches it. `destroy` of the lab ends what still runs.
   */
  exec(argv: readonly string[], options: ExecOptions = {}): ChildProcess {
    const log = options.log === undefined ? undefined : openSync(options.log, 'a')
    try {
      return spawn('ip', ['netns', 'exec', this.namespace, ...argv], {
        env: options.env ?? process.env,
        stdio: ['ignore', log ?? 'pipe', log ?? 'pipe'],
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      })
    } finally {
      if (log !== undefined) closeSync(log)
    }
  }
}
