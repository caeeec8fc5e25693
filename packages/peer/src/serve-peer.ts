import { errorCode } from '@shoal/core'
import { createLog, describeError, EXIT_CODES, redactConfig, runService } from '@shoal/service'
import { loadPeerConfig, type PeerConfig, peerConfigSchema } from './config.ts'
import { createPeer } from './peer.ts'

const NAME = 'shoal-peer'
const STOP_TIMEOUT_MS = 5000
/** Faults that only a person can correct: starting again would repeat them. */
const CONFIGURATION_FAULTS: ReadonlySet<string> = new Set([
  'SHOAL_PEER_TOKEN_FILE',
  'SHOAL_PEER_TOKEN_REFUSED',
  'SHOAL_PEER_JOIN_TOKEN',
  'SHOAL_PEER_JOIN_REFUSED',
  'SHOAL_PEER_OTHER_SEED',
  'SHOAL_PEER_CREDENTIAL_NAME',
  'SHOAL_TRUST_FILES',
  'SHOAL_TRUST_JOIN_TOKEN',
  'SHOAL_SWARM_OPEN',
  'SHOAL_BOOT_SOCKET_GROUP',
  'SHOAL_GATEWAY_CERTIFICATE',
])

export interface ServePeerOptions {
  /** Path of the configuration file; else `SHOAL_PEER_CONFIG` names it. */
  readonly file?: string | undefined
  readonly env: NodeJS.ProcessEnv
  /** Settings by dotted key, for example `{ 'seed.url': 'http://seed:7420' }`. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/**
 * Runs the peer daemon until SIGTERM or SIGINT; resolves to the exit code: 0, 1 after a failure, 2 for a configuration that is
 * not valid or a token that the seed refuses. What went wrong is printed once.
 */
export async function servePeer(options: ServePeerOptions): Promise<number> {
  let config: PeerConfig
  try {
    config = loadPeerConfig(options)
  } catch (error) {
    return fail(error, EXIT_CODES.configuration)
  }
  const logger = createLog({ name: NAME, level: config.log.level })
  let late: unknown
  const settings = { name: NAME, logger, stopTimeoutMs: STOP_TIMEOUT_MS, configurationFaults: CONFIGURATION_FAULTS }
  const code = await runService(settings, async (signal) => {
    logger.info({ config: redactConfig(config, peerConfigSchema) }, 'starting')
    const peer = createPeer(config, {
      logger,
      onFatal: (error) => {
        late = error
        process.kill(process.pid, 'SIGTERM')
      },
    })
    await peer.start({ signal })
    logger.info({ api: peer.apiUrl }, 'serving')
    return peer
  })
  return late === undefined ? code : fail(late, exitCodeOf(late))
}

function exitCodeOf(error: unknown): number {
  return CONFIGURATION_FAULTS.has(errorCode(error) ?? '') ? EXIT_CODES.configuration : EXIT_CODES.failed
}

function fail(error: unknown, code: number): number {
  process.stderr.write(`${describeError(error)}\n`)
  process.exitCode = code
  return code
}
