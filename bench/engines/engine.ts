import type { ChildProcess } from 'node:child_process'
import type { BenchLayer } from './bench-layer.ts'

/** Starts a program with its output as pipes: here, or on a host of the lab (`(argv, options) => host.exec(argv, options)`). */
export type Launch = (argv: readonly string[], options: { env: NodeJS.ProcessEnv }) => ChildProcess

export type EngineRole = 'seed' | 'peer'

/** Where one process of an engine runs. Directories are its own and exist; the layer's file is on the same file system. */
export interface EnginePlace {
  /** This node's name; different for each. */
  readonly node: string
  /** Address of its own, at which others reach it. */
  readonly host: string
  /** TCP port for peers; the next one may be taken for control. */
  readonly port: number
  readonly directory: string
  readonly launch: Launch
  readonly rack?: string | undefined
  readonly zone?: string | undefined
  /** Limits of payload; only our engine is asked to keep any. */
  readonly upBytesPerSecond?: number | undefined
  readonly downBytesPerSecond?: number | undefined
}

/** A way to bring a layer from one process to others. All of them find each other by the tracker that the torrent names. */
export interface Engine {
  readonly name: string
  /** Resolves when the process has the layer and has checked it, if it does so at the start. */
  startSeed(place: EnginePlace, layer: BenchLayer): Promise<EngineRun>
  /** Resolves when the process listens; nothing flows before {@link EngineRun.begin}. */
  startPeer(place: EnginePlace, layer: BenchLayer): Promise<EngineRun>
}

export interface EngineCounters {
  /** Payload bytes sent to others; `null` where the engine does not tell. */
  readonly uploadedBytes: number | null
  /** What else our engine counts. */
  readonly [more: string]: unknown
}

/** One process of an engine. */
export interface EngineRun {
  readonly pid: number
  /** Hexadecimal, of a daemon that the tracker should know by it. */
  readonly peerId?: string | undefined
  /** Where the layer's bytes are when it is done. */
  readonly file: string
  /** Lets a peer fetch, and a seed tell the tracker of itself if it has not. */
  begin(): Promise<void>
  /** Resolves when a peer has all of the layer, verified; rejects when it ends before. */
  readonly done: Promise<void>
  /** User and system time so far, all threads. */
  cpuSeconds(): number
  /** Largest resident set so far, in MiB; mapped files count. */
  peakRssMiB(): number
  /** Ends it in order; what it wrote is in its file then. Idempotent. */
  stop(): Promise<EngineCounters>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
}
