import { join } from 'node:path'
import type { Engine } from './engine.ts'
import { scriptedEngine } from './scripted-engine.ts'

const SCRIPT = join(import.meta.dirname, 'shoal-peer.ts')

/** Ours. With `profile`, each process leaves a CPU profile in that directory; `isWarm`: daemons whose code has run before. */
export function shoal(options: { profile?: string | undefined; isWarm?: boolean } = {}): Engine {
  const { profile, isWarm = false } = options
  return scriptedEngine(isWarm ? 'shoal-warm' : 'shoal', (role, place, layer) => {
    const flags = {
      role,
      node: place.node,
      host: place.host,
      port: place.port,
      directory: place.directory,
      manifest: layer.manifestFile,
      torrent: layer.torrentFile,
      key: layer.publicKey,
      rack: place.rack,
      zone: place.zone,
      up: place.upBytesPerSecond,
      down: place.downBytesPerSecond,
    }
    return [
      process.execPath,
      ...(profile === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${role}-${place.node}.cpuprofile`]),
      SCRIPT,
      ...Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
      ...(isWarm ? ['--warm'] : []),
      ...layer.trackers.map((url) => `--tracker=${url}`),
    ]
  })
}
