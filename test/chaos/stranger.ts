import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { ipCommands } from '../../infra/lab/ip-command.ts'
import { serviceEnvironment } from '../harness/service-process.ts'
import type { ChaosGround } from './chaos-ground.ts'
import type { StrangerOrder } from './stranger-process.ts'

const PROCESS = join(import.meta.dirname, 'stranger-process.ts')
/** Addresses 10.x.200.2 and above are nobody's. */
const FIRST = { third: 200, fourth: 2 }
const LAST_FOURTH = 250
let arrived = 0

/** A peer that is not what it should be, on a machine of its own. */
export interface Stranger {
  /** How many blocks it was asked for and gave. */
  readonly given: number
  leave(): Promise<void>
}

/**
 * Starts one on a host of the lab, at an address that nobody had before it: whoever was given a bad block from an address does not take
 * anything from there for an hour. Its certificate is good.
 */
export async function startStranger(
  { cluster, lab, undo }: Pick<ChaosGround, 'cluster' | 'lab' | 'undo'>,
  { host: hostName, corrupts }: { readonly host: string; readonly corrupts: boolean },
): Promise<Stranger> {
  const host = lab.host(hostName)
  const number = arrived
  arrived += 1
  const perThird = LAST_FOURTH - FIRST.fourth
  const [net] = host.address.split('.').slice(1)
  const address = `10.${net}.${FIRST.third + Math.floor(number / perThird)}.${FIRST.fourth + (number % perThird)}`
  await ipCommands([
    `ip -n ${host.namespace} address flush dev eth0`,
    `ip -n ${host.namespace} address add ${address}/16 dev eth0`,
  ])
  const order: StrangerOrder = {
    ...{ name: `${hostName}${number}`, host: address, corrupts },
    ...{ directory: cluster.directory, seedUrl: cluster.seed.url },
  }
  const log = join(cluster.directory, `${hostName}.log`)
  const child = host.exec([process.execPath, PROCESS, JSON.stringify(order)], { env: serviceEnvironment() })
  let given = 0
  child.stdout?.on('data', (chunk: Buffer) => {
    given = Math.max(given, ...chunk.toString().split('\n').map(Number))
  })
  child.stderr?.pipe(createWriteStream(log, { flags: 'a' }))
  const leave = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  undo.after(leave)
  return {
    get given() {
      return given
    },
    leave,
  }
}
