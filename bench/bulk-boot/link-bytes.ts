import { ipCommand } from '../../infra/lab/ip-command.ts'
import { readLinkCounts } from '../swarm/link-counters.ts'
import type { BootGround } from './boot-ground.ts'

/**
 * Payload that links carried, by their token buckets: bytes of the wire less headers. Requests and acknowledgements
 * count.
 */
export interface LinkBytes {
  /** Sent by the library, and by the seed. */
  readonly library: number
  readonly seed: number
  /** Received by all nodes together. */
  readonly nodes: number
}

/** Since the lab was made, or since then. */
export async function readLinkBytes({ lab, setup, goodput }: BootGround, since?: LinkBytes): Promise<LinkBytes> {
  const { namespace } = lab.host('library')
  const [listed, { seedUp, intoPeers }] = await Promise.all([
    ipCommand(['tc', '-n', namespace, '-s', '-j', 'qdisc', 'show', 'dev', 'eth0']),
    readLinkCounts(lab, setup),
  ])
  const disciplines = JSON.parse(listed) as { kind: string; bytes: number }[]
  const library = disciplines.find(({ kind }) => kind === 'tbf')?.bytes ?? Number.NaN
  const nodes = [...intoPeers.values()].reduce((sum, bytes) => sum + bytes, 0)
  return {
    library: library * goodput - (since?.library ?? 0),
    seed: seedUp * goodput - (since?.seed ?? 0),
    nodes: nodes * goodput - (since?.nodes ?? 0),
  }
}
