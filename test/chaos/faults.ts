import { setTimeout as sleep } from 'node:timers/promises'
import { joinAsLiar } from '../harness/lying-peer.ts'
import type { ServiceProcess } from '../harness/service-process.ts'
import { type ChaosGround, LINK_MBIT, SEED } from './chaos-ground.ts'
import type { FaultName, PlannedFault } from './fault-plan.ts'
import type { GlanceMood } from './faulty-glance.ts'

/** A clock that was set is off by so much at most. */
const CLOCK_OFF_SECONDS = 3600

/** Lets one thing go wrong, for as long as it is planned, and mends it. */
type Fault = (ground: ChaosGround, planned: PlannedFault, hold: () => Promise<void>) => Promise<void>

const killed: Fault = async ({ cluster }, { target }, hold) => {
  const service = serviceOf(cluster, target)
  await service.end('SIGKILL')
  await hold()
  await restart(cluster, target)
}

function library(mood: GlanceMood): Fault {
  return async ({ glance }, _planned, hold) => {
    glance.mood = mood
    await hold()
    glance.mood = 'well'
  }
}

export const FAULT_ACTIONS: Readonly<Record<FaultName, Fault>> = {
  'peer-killed': killed,
  'seed-killed': killed,
  'power-lost': async ({ cluster, disks }, { target }, hold) => {
    await serviceOf(cluster, target).end('SIGKILL')
    await disks.get(target)?.losePower()
    await hold()
    await restart(cluster, target)
  },
  'node-cut-off': async ({ lab }, { target }, hold) => {
    await lab.host(target).cable.cutOff()
    await hold()
    await lab.host(target).cable.restore()
  },
  'rack-cut-off': async ({ lab }, { target }, hold) => {
    await lab.uplink(target).cutOff()
    await hold()
    await lab.uplink(target).restore()
  },
  'link-halved': async ({ lab }, { target }, hold) => {
    await lab.host(target).cable.setRate(LINK_MBIT / 2)
    await hold()
    await lab.host(target).cable.setRate(LINK_MBIT)
  },
  'disk-full': async ({ disks }, { target }, hold) => {
    await disks.get(target)?.fill()
    await hold()
    await disks.get(target)?.free()
  },
  'clock-jump': async ({ clocks }, { target, strength }, hold) => {
    clocks.get(target)?.set((2 * strength - 1) * CLOCK_OFF_SECONDS)
    await hold()
    clocks.get(target)?.set(0)
  },
  'liar-joins': async ({ undo, cluster, lab }, { strength }, hold) => {
    const { layers } = await cluster.client.listLayers()
    const layer = layers[Math.floor(strength * layers.length)]
    if (layer === undefined) return
    const leave = await joinAsLiar(undo, cluster, layer.digest, lab.rootAddress)
    await hold()
    await leave()
  },
  'library-refuses': library('refuses'),
  'library-slow': library('slow'),
  'library-truncates': library('truncates'),
}

/** Lets all that is planned happen, at its time. Resolves when everything is mended; gives how often each fault struck. */
export async function injectFaults(
  ground: ChaosGround,
  plan: readonly PlannedFault[],
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const struck: Record<string, number> = {}
  const startedAt = performance.now()
  const untilMs = (atMs: number) => sleep(Math.max(0, startedAt + atMs - performance.now()))
  /** Mending the last fault of a target may take longer than planned, and nobody starts behind a cable that is cut: the next one waits. */
  const busy = new Map<string, Promise<void>>()
  const strike = async (planned: PlannedFault, before: readonly Promise<void>[]) => {
    await untilMs(planned.atMs)
    await Promise.all(before)
    say(`${(planned.atMs / 1000).toFixed(1)} s: ${planned.fault} at ${planned.target} for ${planned.holdMs} ms`)
    struck[planned.fault] = (struck[planned.fault] ?? 0) + 1
    // Faults are in when they strike and how long they last: this is no waiting for something to happen.
    await FAULT_ACTIONS[planned.fault](ground, planned, () => sleep(planned.holdMs)).catch((error: unknown) => {
      throw new Error(`${planned.fault} at ${planned.target} could not be done or mended`, { cause: error })
    })
  }
  const all = plan.map((planned) => {
    const touched = [planned.target, ...(ground.racks[planned.target] ?? [])]
    const before = touched.flatMap((one) => busy.get(one) ?? [])
    const done = strike(planned, before)
    for (const one of touched) busy.set(one, done)
    return done
  })
  await Promise.all(all)
  return struck
}

function serviceOf(cluster: ChaosGround['cluster'], target: string): ServiceProcess {
  return target === SEED ? cluster.seed : cluster.peer(target)
}

function restart(cluster: ChaosGround['cluster'], target: string): Promise<void> {
  return target === SEED ? cluster.startSeed() : cluster.peer(target).start()
}
