import { closeSync, fstatSync, openSync, read } from 'node:fs'
import type { RandomAccess } from '@shoal/qcow2'

/** A file as our reader's port, by asynchronous reads as a daemon must have them. */
export function openFileSource(path: string): RandomAccess & Disposable {
  const descriptor = openSync(path, 'r')
  const { size: sizeBytes } = fstatSync(descriptor)
  return {
    sizeBytes,
    read: (offset, length) => {
      const wanted = Math.max(0, Math.min(length, sizeBytes - offset))
      const bytes = Buffer.allocUnsafe(wanted)
      return new Promise((resolve, reject) => {
        read(descriptor, bytes, 0, wanted, offset, (error, count) => {
          if (error === null) resolve(bytes.subarray(0, count))
          else reject(error)
        })
      })
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  }
}
