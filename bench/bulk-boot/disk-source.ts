import type { BootDisk } from '../../infra/guests/boot-to-marker.ts'

/**
 * A way for a node to come to the disk that its guest boots: what is compared. Disposing of it gives back what the
 * disks took.
 */
export interface DiskSource extends AsyncDisposable {
  /** From the request on; resolves when QEMU may open it. */
  open(node: string, options: { signal: AbortSignal }): Promise<BootDisk>
  /** What the way itself knows of a measured boot, once all guests are up. */
  facts?(): Promise<Readonly<Record<string, number>>>
}
