import type { Socket } from 'node:net'
import { RecordSealer } from '../auth/records.ts'
import type { DirectionKey } from '../auth/session-keys.ts'

/** Called when the socket took what was written, or failed. */
export type OnTaken = (error?: Error | null) => void

/** Where one end's frames go. */
export interface LaneOutput {
  /** Frames or parts of them, in one go. They must not change before `onTaken`. */
  write(parts: readonly Uint8Array[], onTaken?: OnTaken): void
}

/** Frames as they are, or with a key in records. */
export function laneOutput(socket: Socket, key?: DirectionKey): LaneOutput {
  const sealer = key === undefined ? undefined : new RecordSealer(key)
  return {
    write: (parts, onTaken) => {
      // One system call for all of it.
      socket.cork()
      const last = (sealer?.seal(...parts) ?? parts).reduce<Uint8Array | undefined>((before, part) => {
        if (before !== undefined) socket.write(before)
        return part
      }, undefined)
      if (last !== undefined) socket.write(last, onTaken)
      socket.uncork()
    },
  }
}

/** Keeps what is written until it is known where and how it goes. */
export class HeldOutput implements LaneOutput {
  #held: [parts: readonly Uint8Array[], onTaken: OnTaken | undefined][] = []
  #output: LaneOutput | undefined

  write(parts: readonly Uint8Array[], onTaken?: OnTaken): void {
    if (this.#output === undefined) this.#held.push([parts, onTaken])
    else this.#output.write(parts, onTaken)
  }

  open(output: LaneOutput): void {
    this.#output = output
    const held = this.#held
    this.#held = []
    for (const [parts, onTaken] of held) output.write(parts, onTaken)
  }
}
