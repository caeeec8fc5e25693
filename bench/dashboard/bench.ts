import { setTimeout as sleep } from 'node:timers/promises'
import { openGround } from './dashboard-ground.ts'
import { measurePage } from './measure-page.ts'
import { measureSeed } from './measure-seed.ts'

/** SHOAL_BENCH_NODES: how the pages are with more than the question asks for. */
const USUAL_NODES = 2000
const NODES = Number(process.env.SHOAL_BENCH_NODES ?? USUAL_NODES)
const DASHBOARDS = 10
/** Of a larger fleet as many heartbeats a second: an operator would set a longer interval. */
const HEARTBEAT_MS = Math.max(5000, (NODES / USUAL_NODES) * 5000)

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }) {
  await using stack = new AsyncDisposableStack()
  const ground = await openGround(stack, { nodes: NODES, heartbeatMs: HEARTBEAT_MS, fetchMs: 120_000 })
  const images = (await ground.client.listImages()).images.map(({ id }) => ({ image: id, all: true as const }))
  const plan = await ground.client.createPrefetch({ body: { name: 'bench', images } })
  say(`${NODES} nodes report every ${HEARTBEAT_MS} ms`)
  await sleep(HEARTBEAT_MS)

  const rounds = await measureSeed(ground, {
    rounds: quick ? 2 : 5,
    windowMs: quick ? 4000 : 15_000,
    dashboards: DASHBOARDS,
  })
  for (const { without, withDashboards } of rounds) {
    say(`the seed uses ${percent(without)} of a core, with ${DASHBOARDS} dashboards ${percent(withDashboards)}`)
  }
  const seedCpuShare = median(rounds.map(({ without, withDashboards }) => Math.max(0, withDashboards - without)))
  const page = await measurePage(ground, { plan: plan.id ?? '', liveMs: quick ? 2000 : 15_000 })
  say(`first paint after ${page.firstPaintMs.toFixed(0)} ms, the picture after ${page.firstPictureMs.toFixed(0)} ms`)
  say(`longest tasks: ${JSON.stringify(page.tasks)}`)
  const { tasks, ...figures } = page
  return {
    figures: { ...figures, seedCpuShare, nodes: NODES, dashboards: DASHBOARDS },
    rows: [...rounds, { tasks }],
    ...(NODES === USUAL_NODES ? {} : { variant: `${NODES}-nodes` }),
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
