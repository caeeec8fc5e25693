/** A lock that a process has on a file, or waits for. */
export interface FileLock {
  /** Inode number, decimal. */
  readonly inode: string
  /** `undefined`: the kernel does not say whose it is, as with locks of open file descriptions. */
  readonly pid: number | undefined
}

/** Device and inode, as in `08:01:1234`. */
const DEVICE_AND_INODE = /^[0-9a-f]+:[0-9a-f]+:([0-9]+)$/i

/**
 * The locks in the text of `/proc/locks` (proc(5)), of whatever type. The device is left out: on some file systems it is not the one that
 * stat(2) gives. A line that names no file is passed over.
 */
export function parseLocks(text: string): FileLock[] {
  const locks: FileLock[] = []
  for (const line of text.split('\n')) {
    const fields = line.split(/\s+/)
    const at = fields.findIndex((field) => DEVICE_AND_INODE.test(field))
    const inode = DEVICE_AND_INODE.exec(fields[at] ?? '')?.[1]
    if (inode === undefined) continue
    const pid = Number(fields[at - 1])
    locks.push({ inode, pid: Number.isSafeInteger(pid) && pid > 0 ? pid : undefined })
  }
  return locks
}
