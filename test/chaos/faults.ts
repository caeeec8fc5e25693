import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceProcess } from '../harness/service-process.ts'
import { until } from '../harness/until.ts'
import { type ChaosGround, LINK_MBIT, SEED } from './chaos-ground.ts'
import { clockOffsetSeconds, isListening, refusalOf } from './evidence.ts'
import type { FaultName, PlannedFault } from './fault-plan.ts'
import type { GlanceMood } from './faulty-glance.ts'
import { startStranger } from './stranger.ts'

/** A clock that was set is off by so much. */
const CLOCK_OFF_SECONDS = { least: 120, most: 3600 }
const NEAR_SECONDS = 30
/** The seed may be down or cut off when it is to be asked something. */
const SEED_MS = 60_000
/** Many start at once, and a node that joins tries again after half a minute at most. */
const START_MS = 120_000

/** Waits for as long as a fault is planned, and a while longer if nothing has shown yet that it bites; whether something has. */
export type Hold = (hasBitten: () => Promise<boolean> | boolean) => Promise<boolean>

/** Lets one thing go wrong, for as long as it is planned, and mends it. Whether something has shown that it bit. */
type Fault = (ground: ChaosGround, planned: PlannedFault, hold: Hold) => Promise<boolean>

const killed: Fault = async ({ cluster }, { target }, hold) => {
  const service = serviceOf(cluster, target)
  const wasRunning = service.isRunning
  await service.end('SIGKILL')
  const bit = await hold(async () => wasRunning && !(await isListening(service.url)))
  await restart(cluster, target)
  return bit
}

/** Something is read of the library meanwhile, whatever the cloud does just now. */
function library(mood: GlanceMood): Fault {
  return async (ground, _planned, hold) => {
    const { glance, bait, cluster } = ground
    const image = await bait.lay(ground)
    const before = glance.spoilt
    glance.mood = mood
    await cluster.client.importImage({ params: { image } }).catch(() => {})
    const bit = await hold(() => glance.spoilt > before)
    glance.mood = 'well'
    return bit
  }
}

function stranger(options: { readonly corrupts: boolean }): Fault {
  return async (ground, { target }, hold) => {
    const one = await startStranger(ground, { host: target, ...options })
    ground.bait.demand(ground, ground.nodes)
    const bit = await hold(() => one.given > 0)
    await one.leave()
    return bit
  }
}

export const FAULT_ACTIONS: Readonly<Record<FaultName, Fault>> = {
  'peer-killed': killed,
  'seed-killed': killed,
  'power-lost': async ({ cluster, disks }, { target }, hold) => {
    await serviceOf(cluster, target).end('SIGKILL')
    const isLost = (await disks.get(target)?.losePower()) ?? false
    await hold(() => true)
    await restart(cluster, target)
    return isLost
  },
  'node-cut-off': async ({ lab, cluster }, { target }, hold) => {
    await lab.host(target).cable.cutOff()
    const bit = await hold(async () => !(await isListening(serviceOf(cluster, target).url)))
    await lab.host(target).cable.restore()
    return bit
  },
  'rack-cut-off': async ({ lab, cluster, racks }, { target }, hold) => {
    await lab.uplink(target).cutOff()
    const urls = (racks[target] ?? []).map((node) => cluster.peer(node).url)
    const bit = await hold(async () => !(await Promise.all(urls.map(isListening))).some(Boolean))
    await lab.uplink(target).restore()
    return bit
  },
  'link-halved': async (ground, { target }, hold) => {
    const { cable } = ground.lab.host(target)
    await cable.setRate(LINK_MBIT / 2)
    const before = await cable.timesShaped()
    ground.bait.demand(ground, [target])
    const bit = await hold(async () => (await cable.timesShaped()) > before)
    await cable.setRate(LINK_MBIT)
    return bit
  },
  'disk-full': async ({ disks }, { target }, hold) => {
    const disk = disks.get(target)
    await disk?.fill()
    const bit = await hold(async () => (await disk?.isFull()) === true)
    await disk?.free()
    return bit
  },
  'clock-jump': async ({ clocks, cluster }, { target, strength }, hold) => {
    const { least, most } = CLOCK_OFF_SECONDS
    const off = 2 * strength - 1
    const seconds = Math.sign(off) * (least + Math.abs(off) * (most - least))
    const clock = clocks.get(target)
    const { url } = serviceOf(cluster, target)
    const isOffBy = async (wanted: number) => Math.abs((await clockOffsetSeconds(url)) - wanted) < NEAR_SECONDS
    clock?.set(seconds)
    const bit = await hold(() => isOffBy(seconds))
    clock?.set(0)
    return bit
  },
  'node-revoked': async ({ cluster, lab }, { target }, hold) => {
    const path = join(cluster.directory, target, 'credential.pem')
    const credential = await readFile(path, 'utf8')
    const revoke = async () => (await cluster.client.revokeNode({ params: { node: target } })).node === target
    await until(`${target} is revoked`, revoke, { timeoutMs: SEED_MS })
    const bit = await hold(
      async () => (await refusalOf(lab.address(SEED), target, credential)) === 'SHOAL_TRUST_REVOKED',
    )
    // What the operator's guide says for taking it back.
    await cluster.peer(target).end()
    await rm(path)
    await giveToken(cluster, target)
    await cluster.peer(target).start({}, { timeoutMs: START_MS })
    return bit
  },
  'node-replaced': async ({ cluster, lab, disks }, { target }, hold) => {
    const peer = cluster.peer(target)
    const credential = () => readFile(join(cluster.directory, target, 'credential.pem'), 'utf8')
    const before = await credential()
    await peer.end()
    await disks.get(target)?.wipe()
    await giveToken(cluster, target)
    await lab.host(target).cable.cutOff()
    const started = peer.start({}, { timeoutMs: START_MS })
    started.catch(() => {})
    const hasTried = await hold(async () => (await peer.countInLog('cannot join yet', { pid: peer.pid })) > 0)
    await lab.host(target).cable.restore()
    await started
    return hasTried && (await credential()) !== before
  },
  'liar-joins': stranger({ corrupts: false }),
  'corrupter-joins': stranger({ corrupts: true }),
  'library-refuses': library('refuses'),
  'library-slow': library('slow'),
  'library-truncates': library('truncates'),
}

export function serviceOf(cluster: ChaosGround['cluster'], target: string): ServiceProcess {
  return target === SEED ? cluster.seed : cluster.peer(target)
}

function restart(cluster: ChaosGround['cluster'], target: string): Promise<void> {
  const patience = { timeoutMs: START_MS }
  return target === SEED ? cluster.startSeed({}, patience) : cluster.peer(target).start({}, patience)
}

async function giveToken(cluster: ChaosGround['cluster'], node: string): Promise<void> {
  const give = async () => {
    await cluster.giveJoinToken(node)
    return true
  }
  await until(`a join token for ${node}`, give, { timeoutMs: SEED_MS })
}
