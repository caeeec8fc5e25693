import assert from 'node:assert/strict'
import type { Undo } from '../harness/undo.ts'
import { type ChaosGround, startChaosGround } from './chaos-ground.ts'
import type { ReadTally } from './disk-reader.ts'
import { planFaults } from './fault-plan.ts'
import { type FaultTally, injectFaults } from './inject-faults.ts'
import { startReadingMachine } from './reading-machine.ts'
import { type BlockReport, checkNode, watchBlocks } from './watch-blocks.ts'
import { watchLimits } from './watch-limits.ts'
import { Workload } from './workload.ts'

const MIB = 1024 ** 2
/** Each time that a download of an image breaks, the library may have given so much that was not durable yet. */
const LOST_TAIL_BYTES = 24 * MIB
const MACHINE_ROUND_MS = 120_000
const BAIT_MS = 120_000

export interface ChaosOptions {
  readonly seed: number
  readonly racks: number
  readonly nodesPerRack: number
  readonly seconds: number
  readonly faultEveryMs: number
  readonly imageEveryMs: number
  /** Whether a virtual machine reads, too, besides clients of the block service. */
  readonly machine: boolean
  readonly say: (line: string) => void
}

/** What happened in a run that broke no promise. */
export interface ChaosReport {
  readonly seed: number
  readonly nodes: number
  readonly seconds: number
  readonly faults: { readonly injected: number; readonly bit: number; readonly survived: number }
  readonly faultsByKind: Readonly<Record<string, FaultTally>>
  readonly images: number
  readonly disksRead: ReadTally
  /** Null without a machine. */
  readonly filesReadByMachine: { readonly right: number; readonly wrong: number; readonly unreadable: number } | null
  readonly blocksHashed: number
  readonly wrongBlocks: number
  /** Of what the images together have: 1 is one read of each. */
  readonly libraryCopies: number
  readonly peakMibPerSecond: { readonly library: number; readonly origin: number }
  readonly certificatesRenewed: number
  /** From the mending of the last fault until everything was everywhere, whole, and read once more. */
  readonly secondsUntilWhole: number
}

/**
 * Lets a fleet work while everything goes wrong that may, by chance but the same for the same seed, and checks all the time and at the end
 * that nothing of what Shoal promises is broken: no machine reads a wrong byte, no node holds a wrong block as verified, no limit is
 * passed, the library gives each image once and what was lost on the way, and everything is whole when the faults are over.
 */
export async function runChaos(undo: Undo, options: ChaosOptions): Promise<ChaosReport> {
  const { seed, seconds, say } = options
  say(`seed ${seed}, ${options.racks * options.nodesPerRack} nodes, ${seconds} s of faults`)
  const ground = await startChaosGround(undo, options)
  const workload = new Workload(ground, seed)
  undo.after(() => workload.stop())
  await workload.add()
  const machine = options.machine ? await startReadingMachine(ground) : undefined
  const over = new AbortController()
  undo.after(async () => over.abort())
  const limits = watchLimits(ground, over.signal)
  const blocks = watchBlocks(ground, over.signal)
  const calm = new AbortController()
  undo.after(async () => calm.abort())
  const plan = planFaults({ seed, durationMs: seconds * 1000, everyMs: options.faultEveryMs, racks: ground.racks })
  const [{ tallies, mended }] = await Promise.all([
    injectFaults(ground, plan, say).finally(() => calm.abort()),
    workload.run(options.imageEveryMs, calm.signal),
  ])

  await ground.bait.settle(ground, BAIT_MS)
  await workload.settle()
  const rounds = machine?.verdicts.rounds ?? 0
  await machine?.until('reads all files once more', (verdicts) => verdicts.rounds > rounds, MACHINE_ROUND_MS)
  const secondsUntilWhole = Math.round((performance.now() - mended) / 100) / 10
  await workload.stop()
  over.abort()
  const [limitReport, blockReport] = await Promise.all([limits, blocks])
  const last: BlockReport = { checks: 0, checkedBlocks: 0, violations: [] }
  for (const node of ground.nodes) await checkNode(ground.cluster, node, last)
  const total = (count: (tally: FaultTally) => number) =>
    Object.values(tallies).reduce((sum, one) => sum + count(one), 0)
  const report: ChaosReport = {
    ...{ seed, nodes: ground.nodes.length, seconds },
    faults: { injected: total((t) => t.injected), bit: total((t) => t.bit), survived: total((t) => t.survived) },
    faultsByKind: tallies,
    images: workload.all.length + ground.bait.count,
    disksRead: workload.reads,
    filesReadByMachine: machine?.verdicts ?? null,
    blocksHashed: blockReport.checkedBlocks + last.checkedBlocks,
    wrongBlocks: blockReport.violations.length + last.violations.length,
    libraryCopies: copiesOf(ground, workload),
    peakMibPerSecond: { library: mib(limitReport.libraryPeak), origin: mib(limitReport.originPeak) },
    certificatesRenewed: await renewals(ground),
    secondsUntilWhole,
  }
  say(JSON.stringify(report))

  assert.equal(report.disksRead.wrong, 0, 'a machine has read wrong bytes')
  assert.equal(report.filesReadByMachine?.wrong ?? 0, 0, 'a file of the machine had wrong bytes')
  assert.ok(report.disksRead.right > 0, 'no machine has read its disk')
  assert.deepEqual(blockReport.violations, [])
  assert.deepEqual(last.violations, [])
  assert.ok(last.checkedBlocks > 0)
  assert.deepEqual(limitReport.violations, [])
  for (const { image, sizeBytes } of workload.all) {
    const given = ground.glance.bytesByImage.get(image) ?? 0
    const downloads = ground.glance.downloadsByImage.get(image) ?? 0
    const most = sizeBytes + Math.max(0, downloads - 1) * LOST_TAIL_BYTES
    assert.ok(given <= most, `the library gave ${given} bytes of ${image} (${sizeBytes}) in ${downloads} downloads`)
  }
  assert.equal(report.faults.survived, report.faults.injected)
  // A fault that does nothing proves nothing.
  for (const [fault, { bit }] of Object.entries(tallies)) assert.ok(bit > 0, `no ${fault} did anything`)
  return report
}

function copiesOf({ glance }: ChaosGround, { all }: Workload): number {
  const sizes = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const given = all.reduce((sum, { image }) => sum + (glance.bytesByImage.get(image) ?? 0), 0)
  return Math.round((given / sizes) * 1000) / 1000
}

async function renewals({ cluster }: ChaosGround): Promise<number> {
  const counts = await Promise.all(cluster.peers.map((peer) => peer.countInLog('"the certificate was renewed"')))
  return counts.reduce((sum, count) => sum + count, 0)
}

function mib(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10
}
