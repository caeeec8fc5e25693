import { mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createEngines } from '../engines/engines.ts'
import { CHURN_SCENARIOS, churnRoles, churnSetup } from './churn-scenario.ts'
import { startLinkTimeline } from './link-timeline.ts'
import { measureChurn } from './measure-churn.ts'
import { measureSwarm } from './measure-swarm.ts'
import { createSwarmGround } from './swarm-ground.ts'
import { createSwarmSetup, SWARM_CASES } from './swarm-setup.ts'

const USAGE = `usage: node bench/swarm/one.ts [--engine NAME] [--case ${SWARM_CASES.join('|')}] [--nodes N] [--mib SIZE] [--rate MB/S]
         [--rounds N] [--seconds LIMIT] [--timeline] [--profile DIRECTORY] [--no-check]
         [--churn ${CHURN_SCENARIOS.join('|')}]
  runs one engine on shaped links and prints one JSON line for each round; needs root
  --churn     what befalls it instead of a case; N good peers begin
  --timeline  also prints, each second, what each node's link carried (to standard error)
  --profile   leaves CPU profiles of ours
  --no-check  does not hash the files at the end`
const MIB = 1024 ** 2

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'shoal' },
    case: { type: 'string', default: 'flat' },
    churn: { type: 'string' },
    nodes: { type: 'string', default: '8' },
    mib: { type: 'string', default: '64' },
    rate: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '300' },
    timeline: { type: 'boolean', default: false },
    profile: { type: 'string' },
    'no-check': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const engines = createEngines({ profile: values.profile })
const engine = engines.get(values.engine)
const swarmCase = SWARM_CASES.find((name) => name === values.case)
const scenario = CHURN_SCENARIOS.find((name) => name === values.churn)
if (values.help || engine === undefined || swarmCase === undefined || (scenario ?? '') !== (values.churn ?? '')) {
  console.error(`${USAGE}\nengines: ${[...engines.keys()].join(', ')}`)
  process.exit(values.help ? 0 : 2)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
if (values.profile !== undefined) await mkdir(values.profile, { recursive: true })
const size = {
  nodes: Number(values.nodes),
  sizeBytes: Number(values.mib) * MIB,
  bytesPerSecond: Number(values.rate) * 1e6,
}
{
  const roles = scenario === undefined ? undefined : churnRoles(scenario, size)
  const setup = roles === undefined ? createSwarmSetup({ case: swarmCase, ...size }) : churnSetup(roles, size)
  await using ground = await createSwarmGround(setup)
  const options = {
    timeoutMs: Number(values.seconds) * 1000,
    checks: !values['no-check'],
    ...(values.timeline ? { onBegin: () => startLinkTimeline(ground, (line) => console.error(line)) } : {}),
  }
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const run =
      roles === undefined || scenario === undefined
        ? await measureSwarm(ground, engine, options)
        : await measureChurn(ground, engine, { ...options, scenario, roles })
    console.log(JSON.stringify(run))
  }
}
process.exit(0)
