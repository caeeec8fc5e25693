import { closeSync, ftruncateSync, openSync, write } from 'node:fs'
import type { RandomWrite } from '@shoal/qcow2'

/** A new file as the port that layers and disks are written to; `sizeBytes` of zeros to begin with. */
export function createFileSink(path: string, sizeBytes = 0): RandomWrite & Disposable {
  const descriptor = openSync(path, 'wx')
  ftruncateSync(descriptor, sizeBytes)
  const writeAll = (bytes: Buffer, offset: number): Promise<void> =>
    new Promise((resolve, reject) => {
      write(descriptor, bytes, 0, bytes.length, offset, (error, count) => {
        if (error !== null) reject(error)
        else if (count === bytes.length) resolve()
        // A file system may take less at a time than it was given.
        else writeAll(bytes.subarray(count), offset + count).then(resolve, reject)
      })
    })
  return { write: (offset, bytes) => writeAll(bytes, offset), [Symbol.dispose]: () => closeSync(descriptor) }
}
