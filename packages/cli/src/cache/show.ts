import type { CacheStatus } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { formatFacts } from '../format/table.ts'
import { peerOption } from './peer-option.ts'

export const cacheShow = defineCommand({
  usage: 'cache show',
  summary: 'Show the cache of a node: its limit, who takes the space, and how often it had what was wanted.',
  options: { peer: peerOption },
  examples: [['cache show --peer http://127.0.0.1:7421', 'as root of the node']],
  run: async (context, args) => {
    const { output, signal } = context
    const status = await context.peerAt(args.peer).showCache({ signal })
    output.show(status, () => formatStatus(status))
    return EXIT.ok
  },
})

function formatStatus(status: CacheStatus): string {
  const { limitBytes, takenBytes, freeBytes, totalBytes, layers, pinnedLayers } = status
  const size = formatBytes
  return formatFacts([
    ['limit', `${size(limitBytes)}, on a file system of ${size(totalBytes)} with ${size(freeBytes)} free`],
    ['taken', `${size(takenBytes)}${limitBytes === 0 ? '' : `, ${percent(takenBytes, limitBytes)} of it`}`],
    ['  by layers', `${size(status.layerBytes)}, ${layers} of them, ${pinnedLayers} pinned`],
    ['  by others', `${size(status.otherBytes)}, composed disks and files on their way`],
    ['  promised', size(status.reservedBytes)],
    [
      'eviction',
      `begins above ${size(status.highWatermarkBytes)} and goes on down to ${size(status.lowWatermarkBytes)}`,
    ],
    ['policy', status.policy],
    ['requests hit', formatHits(status.requests, String)],
    ['bytes hit', formatHits(status.bytes, size)],
    ['boot blocks hit', formatHits(status.bootBytes, size)],
    ['evictions', formatEvictions(status.evictions)],
  ])
}

function formatHits({ hits, misses }: CacheStatus['requests'], describe: (total: number) => string): string {
  const total = hits + misses
  return total === 0 ? 'nothing asked for yet' : `${percent(hits, total)} of ${describe(total)}`
}

function formatEvictions(evictions: CacheStatus['evictions']): string {
  const told = Object.entries(evictions).filter(([, layers]) => layers > 0)
  return told.length === 0 ? 'none' : told.map(([reason, layers]) => `${reason} ${layers}`).join(', ')
}

/** Rounded down: 100 % is all. */
function percent(part: number, whole: number): string {
  return `${(Math.floor((part * 1000) / whole) / 10).toFixed(1)} %`
}
