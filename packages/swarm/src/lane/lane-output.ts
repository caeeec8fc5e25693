import type { Socket } from 'node:net'
import { RecordSealer } from '../auth/record-sealer.ts'
import type { DirectionKey } from '../auth/session-keys.ts'

/** Called when the socket took what was written, or failed. */
export type OnTaken = (error?: Error | null) => void

/** Where one end's frames go. */
export interface FrameOutput {
  /** Frames, in one go. They must not change before `onTaken`. */
  write(frames: Buffer, onTaken?: OnTaken): void
}

/** Where a source's frames go. */
export interface LaneOutput extends FrameOutput {
  /** A BLOCK. As `write`. */
  writeBlock(header: Buffer, payload: Buffer, onTaken: OnTaken): void
}

/** Frames as they are, or with a key in records. */
export function laneOutput(socket: Socket, key?: DirectionKey): LaneOutput {
  return key === undefined ? plainOutput(socket) : sealedOutput(socket, new RecordSealer(key))
}

function plainOutput(socket: Socket): LaneOutput {
  return {
    write: (frames, onTaken) => void socket.write(frames, onTaken),
    writeBlock: (header, payload, onTaken) => writeAll(socket, [header, payload], onTaken),
  }
}

function sealedOutput(socket: Socket, sealer: RecordSealer): LaneOutput {
  const useUp = (onTaken?: OnTaken) => {
    const error = new Error('the key of this lane is used up')
    socket.destroy()
    onTaken?.(error)
  }
  return {
    write: (frames, onTaken) => {
      const records = sealer.seal(frames)
      if (records === undefined) useUp(onTaken)
      else writeAll(socket, records, onTaken)
    },
    writeBlock: (header, payload, onTaken) => {
      const records = sealer.seal(header)
      const sealed = sealer.sealPayload(payload)
      if (records === undefined || sealed === undefined) {
        useUp(onTaken)
        return
      }
      writeAll(socket, [...records, ...sealed.parts], (error) => {
        sealed.discard()
        onTaken(error)
      })
    },
  }
}

/** In one system call. */
function writeAll(socket: Socket, parts: readonly Uint8Array[], onTaken?: OnTaken): void {
  socket.cork()
  for (const part of parts.slice(0, -1)) socket.write(part)
  const last = parts.at(-1)
  if (last !== undefined) socket.write(last, onTaken)
  socket.uncork()
}

/** Keeps what is written until it is known where and how it goes. */
export class HeldOutput implements FrameOutput {
  #held: [frames: Buffer, onTaken: OnTaken | undefined][] = []
  #output: FrameOutput | undefined

  write(frames: Buffer, onTaken?: OnTaken): void {
    if (this.#output === undefined) this.#held.push([frames, onTaken])
    else this.#output.write(frames, onTaken)
  }

  open(output: FrameOutput): void {
    this.#output = output
    const held = this.#held
    this.#held = []
    for (const [frames, onTaken] of held) output.write(frames, onTaken)
  }
}
