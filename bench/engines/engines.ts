import { aria2 } from './aria2.ts'
import type { Engine } from './engine.ts'
import { libtorrent, libtorrentSuperSeeding } from './libtorrent.ts'
import { shoal } from './shoal.ts'
import { stockWebtorrent } from './stock-webtorrent.ts'
import { transmission } from './transmission.ts'

/** Ours and every baseline, by name. */
export function createEngines(options: { profile?: string | undefined } = {}): ReadonlyMap<string, Engine> {
  const ours = [shoal(options), shoal({ ...options, isWarm: true })]
  const all = [...ours, aria2, libtorrent, libtorrentSuperSeeding, transmission, stockWebtorrent]
  return new Map(all.map((engine) => [engine.name, engine]))
}
