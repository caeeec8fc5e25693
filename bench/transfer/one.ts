import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { createEngines } from '../engines/engines.ts'
import { createTransferGround, measureTransfer } from './measure-transfer.ts'

const USAGE = `usage: node bench/transfer/one.ts [--engine NAME] [--peers N] [--mib SIZE] [--tmpfs] [--rounds N] [--profile DIRECTORY]
  runs one engine once and prints one JSON line for each round; --profile leaves CPU profiles of ours`
const MIB = 1024 ** 2

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'shoal' },
    peers: { type: 'string', default: '4' },
    mib: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '300' },
    tmpfs: { type: 'boolean', default: false },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const engines = createEngines({ profile: values.profile })
const engine = engines.get(values.engine)
if (values.help || engine === undefined) {
  console.error(`${USAGE}\nengines: ${[...engines.keys()].join(', ')}`)
  process.exit(values.help ? 0 : 2)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
if (values.profile !== undefined) await mkdir(values.profile, { recursive: true })
{
  const parent = values.tmpfs ? '/dev/shm' : tmpdir()
  await using ground = await createTransferGround({ parent, sizeBytes: Number(values.mib) * MIB })
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const run = await measureTransfer(ground, engine, {
      peers: Number(values.peers),
      timeoutMs: Number(values.seconds) * 1000,
    })
    console.log(JSON.stringify(run))
  }
}
process.exit(0)
