import { parseArgs } from 'node:util'
import { measureCompeting } from './measure-competing.ts'
import { measurePlan } from './measure-plan.ts'
import { openPrefetchFleet } from './prefetch-fleet.ts'
import { createPrefetchGround } from './prefetch-ground.ts'

const USAGE = `usage: node bench/prefetch/one.ts [--scenario cold-library|imported|competing] [--nodes N] [--racks N] [--mib SIZE]
         [--rate MB/S] [--library MB/S] [--ingest MB/S] [--window SECONDS] [--rounds N]
  carries out plans on shaped links and prints one JSON line for each round; needs root
  --rate     of the links of nodes and seed; uplinks have half of what their nodes' links carry together
  --library  of the library's link; --ingest: the limit on reading it, looked at in windows of --window`
const TIMEOUT_MS = 600_000

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'imported' },
    nodes: { type: 'string', default: '16' },
    racks: { type: 'string', default: '4' },
    mib: { type: 'string', default: '96' },
    rate: { type: 'string', default: '2.5' },
    library: { type: 'string', default: '10' },
    ingest: { type: 'string', default: '1.875' },
    window: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
const { scenario } = values
if (values.help || !(scenario === 'cold-library' || scenario === 'imported' || scenario === 'competing')) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
{
  await using ground = await createPrefetchGround({
    ...{ nodes: Number(values.nodes), racks: Number(values.racks), mib: Number(values.mib) },
    ...{ rateMBPerSecond: Number(values.rate), libraryMBPerSecond: Number(values.library) },
    ...{ ingestMBPerSecond: Number(values.ingest), ingestWindowSeconds: Number(values.window) },
  })
  for (let round = 0; round < Number(values.rounds); round += 1) {
    await using fleet = await openPrefetchFleet(ground)
    const options = { timeoutMs: TIMEOUT_MS }
    const run =
      scenario === 'competing'
        ? await measureCompeting(ground, fleet, options)
        : await measurePlan(ground, fleet, { ...options, scenario })
    console.log(JSON.stringify(run))
  }
}
process.exit(0)
