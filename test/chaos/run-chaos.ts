import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Undo } from '../harness/undo.ts'
import { startChaosGround } from './chaos-ground.ts'
import { planFaults } from './fault-plan.ts'
import { injectFaults } from './faults.ts'
import { startReadingMachine } from './reading-machine.ts'
import { type BlockReport, checkNode, watchBlocks } from './watch-blocks.ts'
import { watchLimits } from './watch-limits.ts'
import { Workload } from './workload.ts'

const MIB = 1024 ** 2
/** Each time that a download of an image breaks, the library may have given so much that was not durable yet. */
const LOST_TAIL_BYTES = 24 * MIB
const MACHINE_ROUND_MS = 120_000

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

/**
 * Lets a fleet work while everything goes wrong that may, by chance but the same for the same seed, and checks all the time and at the end
 * that nothing of what Shoal promises is broken: no machine reads a wrong byte, no node holds a wrong block as verified, no limit is
 * passed, the library gives each image once and what was lost on the way, and everything is whole when the faults are over.
 */
export async function runChaos(undo: Undo, options: ChaosOptions): Promise<void> {
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
  const work = workload.run(options.imageEveryMs, calm.signal)
  const plan = planFaults({ seed, durationMs: seconds * 1000, everyMs: options.faultEveryMs, racks: ground.racks })
  const [struck] = await Promise.all([
    injectFaults(ground, plan, say),
    sleep(seconds * 1000).then(() => calm.abort()),
    work,
  ])

  const calmAt = performance.now()
  await workload.settle()
  const rounds = machine?.verdicts.rounds ?? 0
  await machine?.until('reads all files once more', (verdicts) => verdicts.rounds > rounds, MACHINE_ROUND_MS)
  say(`everything whole ${((performance.now() - calmAt) / 1000).toFixed(1)} s after the last fault`)
  await workload.stop()
  over.abort()
  const [limitReport, blockReport] = await Promise.all([limits, blocks])
  const last: BlockReport = { checks: 0, checkedBlocks: 0, violations: [] }
  for (const node of ground.nodes) await checkNode(ground.cluster, node, last)
  say(`struck: ${JSON.stringify(struck)}`)
  say(`disks read: ${JSON.stringify(workload.reads)}`)
  say(`files read by the machine: ${JSON.stringify(machine?.verdicts ?? null)}`)
  say(`blocks: ${JSON.stringify(blockReport)}, in the end ${JSON.stringify(last)}`)
  say(`peaks in MiB/s: library ${mib(limitReport.libraryPeak)}, origin ${mib(limitReport.originPeak)}`)

  assert.equal(workload.reads.wrong, 0, 'a machine has read wrong bytes')
  assert.equal(machine?.verdicts.wrong ?? 0, 0, 'a file of the machine had wrong bytes')
  assert.ok(workload.reads.right > 0, 'no machine has read its disk')
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
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}
