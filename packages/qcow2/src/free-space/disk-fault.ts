/**
 * Why nothing is known of the free space of a disk or of a part of it. It never leaves this folder: what it hits
 * counts as used, and its message is the reason.
 */
export class DiskFault extends Error {}

/** Throws a {@link DiskFault} unless what a disk says is as it must be. */
export function expect(isAsItMust: boolean, reason: string): asserts isAsItMust {
  if (!isAsItMust) throw new DiskFault(reason)
}

/** The reason that a fault gives. Whatever else was thrown is thrown on: a read that failed, an aborted signal. */
export function reasonOf(error: unknown): string {
  if (error instanceof DiskFault) return error.message
  throw error
}
