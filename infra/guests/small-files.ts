import { join } from 'node:path'
import { findFiles, type SourceFile } from '../dev/image-content.ts'

const MIB = 1024 ** 2
const REPOSITORY = join(import.meta.dirname, '../..')
/** Where a machine has its own files; of an installation in a container the last may be the largest. */
const FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/lib', '/usr/share', join(REPOSITORY, 'node_modules')]
/** A part that ends in the middle of a large file has more than it was to have. */
const SPARE = 1.5

/** Files of this machine in parts of about so many MiB. Throws when it has too few. */
export async function findSmallFiles(sizesMiB: readonly number[]): Promise<SourceFile[][]> {
  const totalMiB = sizesMiB.reduce((sum, sizeMiB) => sum + sizeMiB, 0)
  const left = await findFiles(FOLDERS, { budgetBytes: totalMiB * SPARE * MIB })
  const parts = sizesMiB.map((sizeMiB) => {
    const part: SourceFile[] = []
    for (let bytes = 0; bytes < sizeMiB * MIB; ) {
      const file = left.shift()
      if (file === undefined) break
      part.push(file)
      bytes += file.sizeBytes
    }
    return part
  })
  if (parts.some(({ length }) => length === 0)) throw new Error('this machine has too few files for so large guests')
  return parts
}
