import type { FileHandle } from 'node:fs/promises'
import type { RandomAccess, RandomWrite } from './random-access.ts'

/** An open file of a known size as the port that images are read from. */
export function fileAccess(file: FileHandle, sizeBytes: number): RandomAccess {
  return {
    sizeBytes,
    read: async (offset, length, { signal, into } = {}) => {
      signal?.throwIfAborted()
      const wanted = Math.max(0, Math.min(length, sizeBytes - offset))
      const bytes = into?.subarray(0, wanted) ?? Buffer.allocUnsafe(wanted)
      for (let done = 0; done < wanted; ) {
        const { bytesRead } = await file.read(bytes, done, wanted - done, offset + done)
        // Somebody has cut it since it was opened.
        if (bytesRead === 0) return bytes.subarray(0, done)
        done += bytesRead
      }
      return bytes
    },
  }
}

/** An open file as the port that images are written to. */
export function fileSink(file: FileHandle): RandomWrite {
  return {
    write: async (offset, bytes) => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done)
        done += bytesWritten
      }
    },
  }
}
