import { createHash } from 'node:crypto'
import type { SourceFile } from '../../dev/image-content.ts'

/** Of the bytes of all files; real systems read about an eighth of their image when they start. */
const SHARE = 1 / 8
/** So many that lie side by side are read together, then none for a while. */
const TOGETHER = 4
/** Larger ones would be most of what is read, and long stretches of it. */
const MAX_FILE_BYTES = 1024 ** 2

/** The files that the guest reads when it starts, in the order in which it does: not that of the disk. */
export function bootFiles(files: readonly SourceFile[]): SourceFile[] {
  const groups: SourceFile[][] = []
  let [allBytes, readBytes] = [0, 0]
  for (const file of files) {
    allBytes += file.sizeBytes
    if (file.sizeBytes > MAX_FILE_BYTES) continue
    const last = groups.at(-1)
    if (last !== undefined && last.length < TOGETHER) last.push(file)
    else if (readBytes < allBytes * SHARE) groups.push([file])
    else continue
    readBytes += file.sizeBytes
  }
  return groups
    .map((group) => ({ group, place: placeOf(group[0]?.imagePath ?? '') }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .flatMap(({ group }) => group)
}

/** Without order, but the same each time. */
function placeOf(path: string): string {
  return createHash('md5').update(path).digest('hex')
}
