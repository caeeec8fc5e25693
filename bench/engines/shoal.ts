import { join } from 'node:path'
import type { Engine } from './engine.ts'
import { scriptedEngine } from './scripted-engine.ts'

const SCRIPT = join(import.meta.dirname, 'shoal-peer.ts')

export interface ShoalOptions {
  /** Each process leaves a CPU profile in that directory. */
  readonly profile?: string | undefined
  /** Daemons whose code has run before. */
  readonly isWarm?: boolean
  /** Daemons with credentials, of an authority in this directory. */
  readonly trust?: { readonly name: string; readonly authority: string; readonly encryption: 'off' | 'all' }
}

/** Ours. */
export function shoal(options: ShoalOptions = {}): Engine {
  const { profile, isWarm = false, trust } = options
  return scriptedEngine(trust?.name ?? (isWarm ? 'shoal-warm' : 'shoal'), (role, place, layer) => {
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
      authority: trust?.authority,
      encryption: trust?.encryption,
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
