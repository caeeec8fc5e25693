import { parseArgs } from 'node:util'
import type { BootCase } from './boot-case.ts'
import { openBootFleet } from './boot-fleet.ts'
import { createBootGround } from './boot-ground.ts'
import { reserveHostCore } from './host-core.ts'
import { measureOurs, measurePlain, OUR_VARIANTS, PLAIN_VARIANTS, type Variant } from './measure-variant.ts'

const USAGE = `usage: node bench/bulk-boot/one.ts [--variant NAME]... [--guest light|debian] [--mib SIZE]
         [--nodes N] [--racks N] [--rate MB/S] [--uplink MB/S] [--library MB/S] [--glance] [--rounds N] [--grub] [--host-core]
  boots guests on shaped links in some ways, one after the other, and prints one JSON line for each; needs root
  --variant  ${[...OUR_VARIANTS, ...PLAIN_VARIANTS].join(', ')}; default local
  --glance   the library is a real Glance
  --grub     the Debian guest is started by its boot loader
  --host-core  guests have the cores but the first, all else that; otherwise all share all
  --mib      files in the light guest's base
  --rate     of the nodes' links
  --uplink   of each rack's uplink; default no limit
  --library  of the links of library and seed
  --rounds   each with new daemons`
const TIMEOUT_MS = 2_400_000

const { values } = parseArgs({
  options: {
    variant: { type: 'string', multiple: true, default: ['local'] },
    guest: { type: 'string', default: 'light' },
    mib: { type: 'string' },
    nodes: { type: 'string', default: '2' },
    racks: { type: 'string', default: '1' },
    rate: { type: 'string', default: '8' },
    uplink: { type: 'string' },
    library: { type: 'string', default: '16' },
    glance: { type: 'boolean', default: false },
    grub: { type: 'boolean', default: false },
    'host-core': { type: 'boolean', default: false },
    rounds: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
const variants: readonly string[] = [...OUR_VARIANTS, ...PLAIN_VARIANTS]
const ours = OUR_VARIANTS.filter((variant) => values.variant.includes(variant))
const plain = PLAIN_VARIANTS.filter((variant) => values.variant.includes(variant))
const isKnown = values.variant.every((name) => variants.includes(name))
const { guest } = values
if (values.help || !isKnown || !(guest === 'light' || guest === 'debian')) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const bootCase: BootCase = {
  ...{ guest, nodes: Number(values.nodes), racks: Number(values.racks), rateMBPerSecond: Number(values.rate) },
  ...(values.mib === undefined ? {} : { lightMib: Number(values.mib) }),
  ...(values.uplink === undefined ? {} : { uplinkMBPerSecond: Number(values.uplink) }),
  isStartedByGrub: values.grub,
  ...{ libraryMBPerSecond: Number(values.library), library: values.glance ? 'glance' : 'embedded' },
}
const say = (line: string) => console.error(line)
const options = { timeoutMs: TIMEOUT_MS }
if (values['host-core']) await reserveHostCore()
{
  await using ground = await createBootGround(bootCase, { say })
  for (let round = 0; round < Number(values.rounds); round += 1) {
    if (ours.length > 0) {
      await using fleet = await openBootFleet(ground)
      for (const variant of ours) print(variant, await measureOurs(ground, fleet, variant, options))
    }
    for (const variant of plain) print(variant, await measurePlain(ground, variant, options))
  }
}
process.exit(0)

function print(variant: Variant, row: object): void {
  console.log(JSON.stringify({ guest, variant, ...row }))
}
