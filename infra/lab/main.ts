import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { findClaims, type LabClaim } from './address-range.ts'
import { destroyAbandonedLabs, destroyLab, labNamespaces } from './destroy-lab.ts'
import { ipCommand } from './ip-command.ts'
import { createLab } from './lab.ts'
import type { LabPlan } from './lab-plan.ts'

const USAGE = `Usage: node infra/lab/main.ts <command>
  up [plan.json]      build a lab that stays, from a plan or from the example, and show it
  show                show all labs of this machine
  down <name>...      remove these labs and end what runs in them
  down --abandoned    remove the labs whose process is gone
  down --all          remove all labs`

const EXAMPLE: LabPlan = {
  core: [{ name: 'seed', rateMbit: 1000 }],
  racks: ['a', 'b'].map((rack) => ({
    name: `rack-${rack}`,
    zone: 'zone-1',
    uplinkMbit: 1000,
    nodes: [1, 2].map((node) => ({ name: `node-${rack}${node}`, rateMbit: 1000 })),
  })),
}

async function show(claims: readonly LabClaim[]): Promise<void> {
  if (claims.length === 0) console.log('There is no lab on this machine.')
  for (const claim of claims) {
    const owner = claim.owner === null ? 'stays' : `of process ${claim.owner}`
    console.log(`${labName(claim)} (${owner}), root namespace at 10.${claim.number}.0.1`)
    for (const namespace of await labNamespaces(claim)) {
      const text = await ipCommand(['ip', '-n', namespace, '-j', '-4', 'address', 'show', 'eth0']).catch(() => '[]')
      const [link] = JSON.parse(text) as { operstate: string; addr_info: { local: string }[] }[]
      const address = link?.addr_info[0]?.local
      if (address === undefined) continue
      const cable = link?.operstate === 'UP' ? '' : '  cut off'
      console.log(`  ${namespace.padEnd(32)} ${address.padEnd(15)} ${await rateOf(namespace)}${cable}`)
    }
  }
  if (claims.length > 0) console.log('Run a program on a host: ip netns exec <namespace> <program>')
}

async function rateOf(namespace: string): Promise<string> {
  const text = await ipCommand(['tc', '-n', namespace, 'qdisc', 'show', 'dev', 'eth0'])
  return /\brate (\S+)/.exec(text)?.[1] ?? 'no limit'
}

function labName(claim: LabClaim): string {
  return `${claim.prefix}${claim.number}`
}

async function down(names: readonly string[], options: { all: boolean; abandoned: boolean }): Promise<void> {
  if (options.abandoned) {
    for (const claim of await destroyAbandonedLabs()) console.log(`removed ${labName(claim)}`)
  }
  const claims = await findClaims()
  const unknown = names.filter((name) => !claims.some((claim) => labName(claim) === name))
  if (unknown.length > 0) throw new Error(`there is no lab ${unknown.join(', ')}: "show" lists them`)
  for (const claim of claims.filter((claim) => options.all || names.includes(labName(claim)))) {
    await destroyLab(claim)
    console.log(`removed ${labName(claim)}`)
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      abandoned: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const [command, ...names] = positionals
  if (command === 'up' && names.length <= 1) {
    const plan = names[0] === undefined ? EXAMPLE : (JSON.parse(await readFile(names[0], 'utf8')) as LabPlan)
    const lab = await createLab(plan, { stays: true })
    await show((await findClaims()).filter((claim) => labName(claim) === lab.name))
  } else if (command === 'show') await show(await findClaims())
  else if (command === 'down' && (names.length > 0 || values.all || values.abandoned)) await down(names, values)
  else {
    console.error(USAGE)
    process.exitCode = values.help ? 0 : 2
  }
}

// Piped into `head`, the rest of the output is simply not wanted.
process.stdout.on('error', () => process.exit())
try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
