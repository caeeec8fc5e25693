import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosGround } from './chaos-ground.ts'

const LOOK_MS = 700

export interface BlockReport {
  /** Looks at a layer of a node. */
  checks: number
  checkedBlocks: number
  /** Blocks that a node had as verified and that are not what the manifest says. */
  readonly violations: string[]
}

/** Lets one node after another read and hash what it has as verified, whatever happens to it meanwhile. */
export async function watchBlocks({ cluster, nodes }: ChaosGround, signal: AbortSignal): Promise<BlockReport> {
  const report: BlockReport = { checks: 0, checkedBlocks: 0, violations: [] }
  for (let turn = 0; !signal.aborted; turn += 1) {
    await checkNode(cluster, nodes[turn % nodes.length] ?? '', report, signal).catch(() => {})
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
  }
  return report
}

/** Throws when the node cannot be asked. */
export async function checkNode(
  cluster: ChaosGround['cluster'],
  node: string,
  report: BlockReport,
  signal?: AbortSignal,
): Promise<void> {
  const client = await cluster.peerClient(node)
  const abort = signal === undefined ? {} : { signal }
  const { layers } = await client.localStatus(abort)
  for (const { digest } of layers.filter((layer) => layer.presentBytes > 0)) {
    const { badBlocks, checkedBlocks } = await client.verifyLayer({ params: { layer: digest }, ...abort })
    report.checks += 1
    report.checkedBlocks += checkedBlocks
    if (badBlocks.length > 0) report.violations.push(`${node}, ${digest}: blocks ${badBlocks.slice(0, 5).join(', ')}`)
  }
}
