import { randomInt } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startBenchTracker } from '../engines/bench-tracker.ts'
import type { Engine, EngineRole, EngineRun } from '../engines/engine.ts'
import { type SwarmGround, TRACKER_PORT } from './swarm-ground.ts'

const PORT = 6881

/** The processes of one run. Disposing of it leaves none running and no file. */
export interface SwarmCast extends AsyncDisposable {
  readonly seed: EngineRun
  /** Starts peers on these nodes of the lab, all at once; nothing flows before they begin. Flags go to the program. */
  startPeers(nodes: readonly string[], flags?: readonly string[]): Promise<EngineRun[]>
}

/** A tracker, and a seed that it knows. */
export async function openSwarmCast({ lab, layer, setup, directory }: SwarmGround, engine: Engine): Promise<SwarmCast> {
  await using stack = new AsyncDisposableStack()
  const parent = join(directory, `run-${randomInt(1e9)}`)
  stack.defer(() => rm(parent, { recursive: true, force: true }))
  // A new one for each run: it must not hand out the peers of the run before.
  const tracker = stack.use(await startBenchTracker({ host: lab.rootAddress, port: TRACKER_PORT }))
  const running: EngineRun[] = []
  stack.defer(async () => {
    await Promise.all(running.map((run) => run.kill()))
  })
  const start = async (role: EngineRole, node: string, flags: readonly string[]) => {
    const host = lab.host(node)
    const rack = setup.peers.find((peer) => peer.node === node)?.rack
    const place = {
      ...{ node, host: host.address, port: PORT, directory: join(parent, node) },
      // The origin is in a rack of its own, as nobody else is where it is.
      ...(setup.uplinkBytesPerSecond === undefined ? {} : { rack: rack ?? 'core', zone: 'zone' }),
      launch: (argv: readonly string[], options: { env: NodeJS.ProcessEnv }) => host.exec([...argv, ...flags], options),
    }
    const run = await (role === 'seed' ? engine.startSeed(place, layer) : engine.startPeer(place, layer))
    running.push(run)
    tracker.introduce(run, place, role)
    return run
  }
  const seed = await start('seed', 'seed', [])
  await seed.begin()
  await tracker.known(1)
  const kept = stack.move()
  return {
    seed,
    async startPeers(nodes, flags = []) {
      const started = await Promise.allSettled(nodes.map((node) => start('peer', node, flags)))
      return started.map((result) => {
        if (result.status === 'rejected') throw result.reason
        return result.value
      })
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
