import type { Boot } from '@shoal/api'
import { formatBytes } from '../format/bytes.ts'
import { formatDuration } from '../format/duration.ts'
import { plainText } from '../format/plain-text.ts'
import { formatFacts } from '../format/table.ts'
import { shortDigest } from '../resolve/layer.ts'

/** How far a boot is, in a few words. */
export function bootState({ state, error }: Pick<Boot, 'state' | 'error'>): string {
  return state === 'preparing' && error !== null ? `preparing: ${error.message}` : state
}

/** What of its layers is on the node. */
export function presentShare({ presentBytes, totalBytes }: Pick<Boot, 'presentBytes' | 'totalBytes'>): string {
  if (totalBytes === 0) return '-'
  return `${Math.floor((presentBytes / totalBytes) * 100)} % of ${formatBytes(totalBytes)}`
}

/** A boot for people: what it is, what its machine has read and, once it can be opened, how that is done. */
export function describeBoot(boot: Boot): string {
  const { name, image, layers, virtualSizeBytes, overlay, uri, isRecorded, preparedAt, qemu, libvirt } = boot
  const facts: [string, string][] = [
    ['boot', name],
    ['state', bootState(boot)],
    ['image', image ?? ''],
    ['layers', layers.map(shortDigest).join(' <- ')],
    ['disk', virtualSizeBytes === 0 ? '' : formatBytes(virtualSizeBytes)],
    ['here', presentShare(boot)],
    ['overlay', overlay ?? 'none: read-only'],
    ['export', uri],
    ['read', describeReads(boot)],
    ['went', describeSpans(boot)],
    ['recorded', isRecorded ? 'yes' : 'no'],
    ['prepared', preparedAt],
  ]
  if (boot.state !== 'ready') return formatFacts(facts)
  return [formatFacts(facts), `QEMU:\n${lines(qemu)}`, `libvirt:\n${lines(libvirt)}`].join('\n\n')
}

/** `open after 0.5 s, first read after 1.0 s, booted after 21.0 s`, as far as it is known. */
export function describeSpans({ preparedAt, spans }: Pick<Boot, 'preparedAt' | 'spans'>): string {
  const after = (at: string | null) =>
    formatDuration(Math.max(0, Date.parse(at ?? preparedAt) - Date.parse(preparedAt)))
  const steps = [
    spans.openAt === null ? '' : `open after ${after(spans.openAt)}`,
    spans.firstReadAt === null ? '' : `first read after ${after(spans.firstReadAt)}`,
    spans.bootedAt === null
      ? ''
      : `booted after ${after(spans.bootedAt)}${spans.bootedBy === 'told' ? '' : ', by its reads'}`,
  ]
  return steps.filter((step) => step !== '').join(', ') || 'not open yet'
}

function describeReads({ reads }: Boot): string {
  const { firstReadAt, readBytes, waitingReads, onDemandBytes, stalls, longestWaitMs } = reads
  if (firstReadAt === null) return 'nothing yet'
  const waited = `${waitingReads} reads waited, ${longestWaitMs} ms at most, for ${formatBytes(onDemandBytes)}`
  return `${formatBytes(readBytes)} in ${reads.reads} reads; ${waited}; ${stalls} stalls`
}

/** The node chose the words, and a terminal is to show them only. */
function lines(text: string): string {
  return text.split('\n').map(plainText).join('\n')
}
