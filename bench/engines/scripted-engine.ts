import { mkdir } from 'node:fs/promises'
import type { BenchLayer } from './bench-layer.ts'
import type { Engine, EngineCounters, EnginePlace, EngineRole, EngineRun } from './engine.ts'
import { EngineProcess, engineEnvironment } from './engine-process.ts'

interface Ready {
  readonly file: string
  readonly peerId?: string
}

/**
 * An engine whose processes are scripts of ours. Such a script prints one JSON object a line: `{"event":"ready","file":...}` when it
 * listens, `{"event":"done"}` when it has all. It begins at SIGUSR2, and at SIGTERM prints
 * `{"event":"counters","uploadedBytes":...}` and ends. Signals need no pipe, so they reach into the lab.
 */
export function scriptedEngine(
  name: string,
  command: (role: EngineRole, place: EnginePlace, layer: BenchLayer) => readonly string[],
): Engine {
  const start = async (role: EngineRole, place: EnginePlace, layer: BenchLayer): Promise<EngineRun> => {
    await mkdir(place.directory, { recursive: true })
    if (role === 'seed') await layer.linkInto(place.directory)
    const child = place.launch(command(role, place, layer), { env: engineEnvironment() })
    const program = new EngineProcess(`${name} (${place.node})`, child)
    const done = program.line((line) => (event(line, 'done') === undefined ? undefined : true)).then(() => {})
    const counters = program.line((line) => event(line, 'counters') as EngineCounters | undefined)
    for (const promise of [done, counters]) promise.catch(() => {})
    try {
      const { file, peerId } = await program.line((line) => event(line, 'ready') as Ready | undefined)
      return {
        ...{ pid: program.pid, peerId, file, done },
        begin: async () => program.signal('SIGUSR2'),
        cpuSeconds: () => program.cpuSeconds(),
        peakRssMiB: () => program.peakRssMiB(),
        kill: () => program.kill(),
        async stop() {
          await program.stop()
          return counters.catch(() => ({ uploadedBytes: null }))
        },
      }
    } catch (error) {
      await program.kill()
      throw error
    }
  }
  return {
    name,
    startSeed: (place, layer) => start('seed', place, layer),
    startPeer: (place, layer) => start('peer', place, layer),
  }
}

function event(line: string, name: string): object | undefined {
  if (!line.startsWith(`{"event":"${name}"`)) return undefined
  return JSON.parse(line) as object
}
