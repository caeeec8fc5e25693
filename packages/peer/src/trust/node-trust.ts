import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, errorCode, errorMessage, type Logger } from '@shoal/core'
import {
  ClusterTrust,
  createCredential,
  loadAuthorities,
  loadCredential,
  newCredentialRequest,
  OperatorFiles,
  openJoinKey,
  parsePem,
  storeAuthorities,
  storeCredential,
} from '@shoal/trust'
import { Alarm } from '../alarm.ts'
import { backOffMs } from '../back-off.ts'
import type { PeerConfig } from '../config.ts'
import { peerError } from '../errors.ts'
import type { PeerRecords } from '../peer-records.ts'
import { isNoAnswer, type SeedLink } from '../seed-link.ts'
import { createJoin, type Membership } from './join-cluster.ts'

/** How often files of an operator, and what is left of a certificate, are looked at. */
const LOOK_MS = 5000
const RETRY = { firstMs: 1000, lastMs: 30_000 }
const MAX_TOKEN_CHARS = 1000
/** What may be otherwise at the next attempt: the network, or a clock. */
const TRIED_AGAIN: ReadonlySet<string> = new Set(['SHOAL_PEER_SEED_TLS', 'SHOAL_TRUST_EXPIRED'])

export interface NodeTrustDeps {
  readonly records: PeerRecords
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** This node's credential: joined for, or an operator's from files; renewed in time, and what the seed revokes. */
export class NodeTrust {
  readonly cluster: ClusterTrust
  readonly #deps: NodeTrustDeps
  readonly #paths: ReturnType<typeof pathsOf>
  readonly #files: OperatorFiles | undefined
  readonly #alarm: Alarm

  private constructor(
    deps: NodeTrustDeps,
    parts: { cluster: ClusterTrust; files: OperatorFiles | undefined; paths: ReturnType<typeof pathsOf> },
  ) {
    this.#deps = deps
    this.cluster = parts.cluster
    this.#files = parts.files
    this.#paths = parts.paths
    this.#alarm = new Alarm(deps.clock)
  }

  /**
   * Opens what is there, or joins, for which it waits for the seed. Throws `SHOAL_PEER_JOIN_TOKEN` without a token, `SHOAL_PEER_JOIN_REFUSED`,
   * `SHOAL_PEER_OTHER_SEED`, `SHOAL_PEER_CREDENTIAL_NAME` and the codes of trust.
   */
  static async open(
    deps: NodeTrustDeps,
    config: Pick<PeerConfig, 'credential' | 'seed' | 'stateDirectory'>,
    { node, signal }: { node: string; signal: AbortSignal },
  ): Promise<NodeTrust> {
    const { credential: settings, stateDirectory } = config
    const files = OperatorFiles.of(settings)
    const paths = pathsOf(stateDirectory)
    const held = files === undefined ? await loadMembership(paths) : await files.load()
    const member = held ?? (await joinAndKeep(deps, config, { node, paths, signal }))
    const cluster = new ClusterTrust(deps, { ...member, domain: settings.trustDomain })
    const { role, name } = cluster.identity
    if (role !== 'node' || name !== node)
      throw peerError('SHOAL_PEER_CREDENTIAL_NAME', { node, name: `${role} ${name}` })
    const revocations = await deps.records.revocations()
    if (revocations !== undefined) cluster.setRevocations(revocations)
    return new NodeTrust(deps, { cluster, files, paths })
  }

  /** Renews the certificate in time, and reads changed files, until aborted. */
  async run(seed: SeedLink, { signal }: { signal: AbortSignal }): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      const waitMs = failures === 0 ? LOOK_MS : backOffMs(failures, this.#deps.random, RETRY)
      await this.#alarm.wait(waitMs, { signal })
      failures = (await this.refresh(seed, { signal })) ? 0 : failures + 1
    }
  }

  /** One look at the certificate; false when it should be replaced and could not be. What held before goes on to hold. */
  async refresh(seed: SeedLink, { signal }: { signal: AbortSignal }): Promise<boolean> {
    const { logger } = this.#deps
    try {
      if (this.#files !== undefined) {
        if (!(await this.#files.haveChanged())) return true
        const { credential, authorities } = await this.#files.load()
        this.cluster.replace(credential, authorities)
        logger.info({}, 'the files of certificate and authorities were read anew')
      } else if (this.#isHalfOver()) await this.#renew(seed, { signal })
      return true
    } catch (error) {
      if (!signal.aborted && !isNoAnswer(error)) {
        logger.error({ code: errorCode(error), reason: errorMessage(error) }, 'the certificate was not renewed')
      }
      return false
    }
  }

  /** The seed told the revision of its revocation list: fetches it when it is another one. */
  async noteRevocations(
    revision: number | undefined,
    seed: SeedLink,
    { signal }: { signal: AbortSignal },
  ): Promise<void> {
    if (revision === undefined || revision === this.cluster.revocations.revision) return
    const { records, logger } = this.#deps
    try {
      const told = await seed.call((client) => client.listRevocations({ signal }))
      const nodes = told.nodes.map(({ node, until }) => ({ node, until: Date.parse(until) }))
      const list = { ...told, nodes }
      this.cluster.setRevocations(list)
      await records.saveRevocations(list)
      logger.info({ revision: told.revision, nodes: nodes.length }, 'took a newer revocation list')
    } catch (error) {
      if (!signal.aborted && !isNoAnswer(error)) logger.warn({ code: errorCode(error), error }, 'no revocation list')
    }
  }

  #isHalfOver(): boolean {
    const [own] = this.cluster.credential.certificates
    if (own === undefined) return true
    const [from, to] = [own.validFromDate.getTime(), own.validToDate.getTime()]
    return this.#deps.clock.now() >= from + (to - from) / 2
  }

  /** With a new key: one that leaked unseen is of use for as long as its certificate at most. */
  async #renew(seed: SeedLink, { signal }: { signal: AbortSignal }): Promise<void> {
    const node = this.cluster.identity.name
    const { privateKey, request } = newCredentialRequest(node)
    const issued = await seed.call((client) => client.renewCredential({ params: { node }, body: { request }, signal }))
    const member = {
      credential: createCredential(privateKey, parsePem(issued.chain)),
      authorities: parsePem(issued.authorities),
    }
    this.cluster.replace(member.credential, member.authorities)
    await keep(member, this.#paths)
    this.#deps.logger.info({ expiresAt: issued.expiresAt }, 'the certificate was renewed')
  }
}

function pathsOf(directory: string): { credential: string; authorities: string; joinKey: string } {
  return {
    credential: join(directory, 'credential.pem'),
    authorities: join(directory, 'authorities.pem'),
    joinKey: join(directory, 'join-key.pem'),
  }
}

async function loadMembership(paths: ReturnType<typeof pathsOf>): Promise<Membership | undefined> {
  const [credential, authorities] = [await loadCredential(paths.credential), await loadAuthorities(paths.authorities)]
  return credential === undefined || authorities === undefined ? undefined : { credential, authorities }
}

/** Authorities first: a credential without them is of no use, and would keep the node from joining again. */
async function keep(
  { credential, authorities }: Membership,
  paths: Pick<ReturnType<typeof pathsOf>, 'credential' | 'authorities'>,
): Promise<void> {
  await storeAuthorities(paths.authorities, authorities)
  await storeCredential(paths.credential, credential)
}

async function joinAndKeep(
  { clock, random, logger }: NodeTrustDeps,
  { credential: { joinTokenFile, trustDomain }, seed: { url } }: Pick<PeerConfig, 'credential' | 'seed'>,
  { node, paths, signal }: { node: string; paths: ReturnType<typeof pathsOf>; signal: AbortSignal },
): Promise<Membership> {
  // Without a token nothing is left behind.
  await readJoinToken(joinTokenFile)
  const attempt = createJoin(
    { clock },
    { seedUrl: url, node, trustDomain, key: await openJoinKey(paths.joinKey, node) },
  )
  for (let failures = 1; ; failures += 1) {
    const token = await readJoinToken(joinTokenFile)
    try {
      const member = await attempt(token, { signal })
      await keep(member, paths)
      await rm(paths.joinKey, { force: true })
      logger.info({ node, seed: url }, 'joined the cluster')
      return member
    } catch (error) {
      signal.throwIfAborted()
      const code = errorCode(error)
      if (code === 'SHOAL_JOIN_REFUSED') {
        const reason = errorMessage(error)
        throw peerError('SHOAL_PEER_JOIN_REFUSED', { url, path: joinTokenFile, reason }, error)
      }
      if (!isNoAnswer(error) && !TRIED_AGAIN.has(code ?? '')) throw error
      if (failures === 1) logger.warn({ url, code, reason: errorMessage(error) }, 'cannot join yet; trying on')
      await clock.sleep(backOffMs(failures, random, RETRY), { signal })
    }
  }
}

async function readJoinToken(path: string | null): Promise<string> {
  if (path === null) throw peerError('SHOAL_PEER_JOIN_TOKEN', { reason: 'credential.joinTokenFile is not set' })
  try {
    return (await readFile(path, 'utf8')).slice(0, MAX_TOKEN_CHARS).trim()
  } catch (error) {
    throw peerError('SHOAL_PEER_JOIN_TOKEN', { reason: `${path}: ${errorMessage(error)}` }, error)
  }
}
