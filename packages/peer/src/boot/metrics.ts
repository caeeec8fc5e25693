import { BOOT_STATES } from '@shoal/api'
import type { Metrics } from '@shoal/service'
import type { Boots } from './boots.ts'
import type { ProfileCount } from './profile-hits.ts'

/** From what is in memory to what crossed a busy network; a guest that waits for seconds shows it. */
const READ_BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30,
]
/** A machine reads as soon as its firmware has started. */
const FIRST_BYTE_BUCKETS_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** A read of a VM that was answered. */
export interface AnsweredRead {
  /** From the request to the reply. */
  readonly seconds: number
  /** Whether all of it was there when it was asked for. */
  readonly isWarm: boolean
  /** Fetched because of it. */
  readonly onDemandBytes: number
}

/** What counts the reads of VMs. */
export interface BootCounters {
  read(read: AnsweredRead): void
  /** A disk gave its first byte, so long after it was asked for. */
  firstByte(seconds: number): void
  /** A read waited for longer than a second. */
  stalled(): void
  /** A read failed. */
  failed(): void
  /** Blocks of layers that a boot read first, by whether the image's profile had named them. */
  profiled(blocks: ProfileCount): void
}

/** The metrics of boots. */
export function registerBootMetrics(metrics: Metrics, boots: Pick<Boots, 'list'>): BootCounters {
  metrics.gauge({
    name: 'shoal_boot_disks',
    help: 'Disks that are served to VMs, by state.',
    labels: ['state'],
    collect: (gauge) => {
      const all = boots.list()
      for (const state of BOOT_STATES) gauge.set({ state }, all.filter((one) => one.state === state).length)
    },
  })
  const firstByte = metrics.histogram({
    name: 'shoal_boot_first_byte_seconds',
    help: 'Time from the request for a disk to the answer to its first read.',
    buckets: FIRST_BYTE_BUCKETS_SECONDS,
  })
  const reads = metrics.histogram({
    name: 'shoal_boot_read_seconds',
    help: 'Time to answer a read of a VM: warm when all of it was there, cold when some of it had to be fetched.',
    labels: ['kind'],
    buckets: READ_BUCKETS_SECONDS,
  })
  const onDemand = metrics.counter({
    name: 'shoal_boot_on_demand_bytes_total',
    help: 'Fetched because a VM waited for it.',
  })
  const profiled = metrics.counter({
    name: 'shoal_boot_profile_blocks_total',
    help: 'Blocks of layers that VMs read while they booted, by whether the boot profile of the image had named them.',
    labels: ['foretold'],
  })
  const stalls = metrics.counter({
    name: 'shoal_boot_stalls_total',
    help: 'Reads that waited for longer than a second.',
  })
  const failed = metrics.counter({ name: 'shoal_boot_failed_reads_total', help: 'Reads of VMs that failed.' })
  return {
    read: ({ seconds, isWarm, onDemandBytes }) => {
      reads.observe({ kind: isWarm ? 'warm' : 'cold' }, seconds)
      if (onDemandBytes > 0) onDemand.inc(onDemandBytes)
    },
    firstByte: (seconds) => firstByte.observe(seconds),
    stalled: () => stalls.inc(),
    failed: () => failed.inc(),
    profiled: ({ foretold, others }) => {
      profiled.inc({ foretold: 'yes' }, foretold)
      profiled.inc({ foretold: 'no' }, others)
    },
  }
}
