import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspectImage } from '@shoal/qcow2/inspect'
import { writeAllocated } from './write-allocated.ts'

const GIB = 1024 ** 3
const LIMITS = { maxImageBytes: 1024 * GIB, maxVirtualBytes: 1024 * GIB }
/** The usual size, and the smallest that the format has: then there are 32,768 tables. */
const CLUSTER_BYTES = [65_536, 512]

/** How long it takes to inspect an image all of whose 1 GiB is allocated. */
export async function measureInspection(): Promise<{ clusterBytes: number; ms: number }[]> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-inspect-'))
  try {
    const measured = []
    for (const clusterBytes of CLUSTER_BYTES) {
      const path = join(directory, `${clusterBytes}.qcow2`)
      await writeAllocated(path, GIB, clusterBytes)
      measured.push({ clusterBytes, ms: await inspect(path) })
      await rm(path)
    }
    return measured
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function inspect(path: string): Promise<number> {
  await using file = await open(path)
  const { size: sizeBytes } = await file.stat()
  const read = async (offset: number, length: number) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset)
    return buffer.subarray(0, bytesRead)
  }
  const startedAt = performance.now()
  const { isAccepted } = await inspectImage({ sizeBytes, read }, { format: 'qcow2', sizeBytes }, LIMITS)
  if (!isAccepted) throw new Error(`${path} was refused`)
  return Math.round(performance.now() - startedAt)
}
