import type { Clock, Logger } from '@shoal/core'
import type { Metrics, NodeListenerOptions } from '@shoal/service'
import type { StateStore } from '@shoal/state'
import type { SeedConfig } from '../config.ts'
import type { EventJournal } from '../events/event-journal.ts'
import { JoinTokens } from './join-tokens.ts'
import { NodeCredentials } from './node-credentials.ts'
import { Refusals } from './refusals.ts'
import { RevocationBook } from './revocation-book.ts'
import { SeedCredentials } from './seed-credentials.ts'

const HOUR_MS = 3_600_000
/** A certificate may be taken a little after it is over: clocks differ. */
const TOLERANCE_MS = HOUR_MS

export interface SeedTrustDeps {
  readonly state: StateStore
  readonly journal: EventJournal
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Everything by which nodes are known, where they are by certificates. */
export interface SeedTrust {
  readonly own: SeedCredentials
  readonly tokens: JoinTokens
  readonly revocations: RevocationBook
  readonly nodes: NodeCredentials
  readonly refusals: Refusals
  /** What the listener of nodes goes by. */
  readonly listener: NodeListenerOptions
}

/** Opens it, or says that it is switched off. Throws the errors of {@link SeedCredentials.open}. */
export async function openSeedTrust(
  deps: SeedTrustDeps,
  { tls, stateDirectory, name, listen, swarm }: SeedConfig,
): Promise<SeedTrust | undefined> {
  if (!tls.enabled) return undefined
  const { journal, clock, logger, metrics } = deps
  const hosts = [tls.host, listen.host, swarm.host, ...(swarm.advertiseHost === null ? [] : [swarm.advertiseHost])]
  const own = await SeedCredentials.open({ clock, logger }, { tls, stateDirectory, name, hosts })
  const lifetimeMs = tls.nodeCertificateHours * HOUR_MS
  const revocations = new RevocationBook(deps, { keptMs: lifetimeMs + TOLERANCE_MS })
  const tokens = new JoinTokens(deps)
  await revocations.open()
  await tokens.open()
  own.trust.setRevocations(revocations.list)
  const refused = metrics.counter({
    name: 'shoal_seed_refused_callers_total',
    help: 'Requests on the listener of nodes that were refused because of who sent them, by reason.',
    labels: ['reason'],
  })
  const refusals = new Refusals({ journal, clock, logger, count: (reason) => refused.inc({ reason }) })
  metrics.gauge({
    name: 'shoal_seed_revoked_nodes',
    help: 'Nodes with certificates that are revoked.',
    collect: (gauge) => gauge.set(revocations.list.nodes.length),
  })
  return {
    own,
    tokens,
    revocations,
    refusals,
    nodes: new NodeCredentials({ authority: own.authority, tokens, revocations, journal, clock }, { lifetimeMs }),
    listener: {
      host: tls.host,
      port: tls.port,
      secureContext: () => own.secureContext(),
      identify: (chain) => own.trust.verifyChain(chain),
      refused: (refusal) => refusals.note(refusal),
    },
  }
}
