import { createClient } from '@shoal/api'
import { type Clock, type Logger, steadyClock } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { PeerConfig } from './config.ts'
import { KeyTrust } from './key-trust.ts'
import { nodeName } from './node-facts.ts'
import { NodeLimitsKeeper } from './node-limits.ts'
import { PeerRecords } from './peer-records.ts'
import { SeedLink } from './seed-link.ts'
import { readTokenFile } from './token-file.ts'
import { LayerGrants } from './trust/layer-grants.ts'
import { NodeTrust } from './trust/node-trust.ts'
import { SeedFetch } from './trust/seed-fetch.ts'

/** How this node is known to its seed, what it trusts of it, and what it was told last. */
export interface PeerSeed {
  readonly node: string
  readonly records: PeerRecords
  readonly seed: SeedLink
  /** Its credential; none where it sends a token. */
  readonly member: NodeTrust | undefined
  readonly trust: KeyTrust
  /** What it shows to be given layers; none where it sends a token. */
  readonly grants: LayerGrants | undefined
  readonly limits: NodeLimitsKeeper
}

export interface PeerSeedDeps {
  readonly state: StateStore
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Closes what is opened. */
  readonly stack: AsyncDisposableStack
}

/**
 * Reads what is known from before; a node that has no credential yet joins, which waits for the seed until `signal`. Throws
 * `SHOAL_PEER_TOKEN_FILE` and the errors of joining.
 */
export async function openPeerSeed(
  config: PeerConfig,
  { state, clock, random, logger, stack }: PeerSeedDeps,
  { signal = new AbortController().signal }: { signal?: AbortSignal | undefined },
): Promise<PeerSeed> {
  const node = nodeName(config)
  const { tokenFile, url, publicKey } = config.seed
  const token = tokenFile === null ? undefined : await readTokenFile(tokenFile)
  const records = new PeerRecords({ state, logger })
  const trustDeps = { records, clock, random, logger: logger.child({ component: 'trust' }) }
  // A token over https: a seed without certificates, behind something that speaks TLS for it.
  const hasCertificate = url.startsWith('https:') && token === undefined
  const member = hasCertificate ? await NodeTrust.open(trustDeps, config, { node, signal }) : undefined
  const seedFetch = member && stack.use(new SeedFetch(member.cluster))
  const client = createClient({ baseUrl: url, token, ...(seedFetch && { fetch: seedFetch.fetch }) })
  const seed = new SeedLink({ client, logger }, { url })
  const onChange = () => grants?.notice()
  const trust = new KeyTrust({ seed, records, clock, logger, onChange }, { publicKey, seedUrl: url })
  await trust.open()
  // What the seed said last holds from the first byte on, whether it answers now or not.
  const limits = new NodeLimitsKeeper(steadyClock, config.limits)
  limits.setFleet((await records.desired())?.limits)
  const grants: LayerGrants | undefined = member && new LayerGrants({ ...trustDeps, seed, trust })
  await grants?.open()
  return { node, records, seed, member, trust, grants, limits }
}
