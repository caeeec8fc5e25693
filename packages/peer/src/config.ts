import { LIMIT_RANGE } from '@shoal/api'
import { POLICY_NAMES } from '@shoal/cache'
import { NO_TRANSFER_LIMITS } from '@shoal/core'
import { type ConfigDefaults, LOG_LEVELS, loadConfig } from '@shoal/service'
import { type Static, type TSchema, Type } from 'typebox'
import { glanceDefaults, glanceSection } from './glance/config.ts'
import { novaCacheDefaults, novaCacheSection } from './nova-cache/config.ts'

const strict = { additionalProperties: false } as const
const nullable = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description })
const text = (description: string) => Type.String({ minLength: 1, maxLength: 4096, description })
const port = (description: string) =>
  Type.Integer({ minimum: 0, maximum: 65535, description: `${description} 0 takes a free one.` })
const place = (description: string) => Type.String({ pattern: '^[0-9A-Za-z._-]*$', maxLength: 100, description })
const share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description: `${description} 0 to 1.` })
const limit = (description: string) =>
  nullable(
    Type.Integer(LIMIT_RANGE),
    `${description} Bytes per second. null: no limit of its own. What the seed sets holds too where it is lower.`,
  )

/** Configuration of the peer daemon. */
export const peerConfigSchema = Type.Object(
  {
    node: nullable(
      Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{0,252}$' }),
      'Name of this node, the one Nova knows it by. null: the host name in lower case.',
    ),
    zone: place('Availability zone of this node.'),
    rack: place('Rack of this node.'),
    aggregates: Type.Array(Type.String({ pattern: '^[0-9A-Za-z._-]+$', maxLength: 100 }), {
      maxItems: 100,
      description: 'Host aggregates that this node belongs to, for plans that name some.',
    }),
    linkBytesPerSecond: nullable(
      Type.Integer(LIMIT_RANGE),
      'Rate of the link of this node, each way, for plans. Bytes per second. null: that of the interface that has swarm.host, or what the seed assumes where the machine does not know it.',
    ),
    stateDirectory: text('Directory for what must survive a restart. It belongs to one daemon alone.'),
    cache: Type.Object(
      {
        maxBytes: nullable(
          Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
          'The most that layers and composed disks take together. Bytes. null: what maxShare and minFreeBytes leave.',
        ),
        maxShare: share('The most they take of their file system.'),
        minFreeBytes: Type.Integer({
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          description: 'What stays free on that file system, whoever fills it. Bytes.',
        }),
        highWatermark: share('Part of the limit above which layers are evicted.'),
        lowWatermark: share('Part of the limit down to which they are evicted then. At most highWatermark.'),
        policy: Type.Enum([...POLICY_NAMES], { description: 'Which layer goes first: the replacement policy.' }),
        bootShare: share('Part of the limit for what boots read of layers that were evicted.'),
        lastCopiesLast: Type.Boolean({
          description:
            'Whether layers that no other node holds are evicted after all others, whatever they are worth. false: the policy weighs it.',
        }),
        scrubBytesPerSecond: nullable(
          Type.Integer(LIMIT_RANGE),
          'Rate at which layers are read back and checked. Bytes per second. null: they are not.',
        ),
      },
      strict,
    ),
    seed: Type.Object(
      {
        url: Type.String({
          pattern: '^https?://[^/?#\\s]+/?$',
          maxLength: 500,
          description:
            "The seed's base URL: its https address (tls.port there). http: without certificates, for a seed that has tls.enabled false.",
        }),
        tokenFile: nullable(
          text(''),
          "File that holds the seed's node token, for a seed that has tls.enabled false. null: no token is sent.",
        ),
        publicKey: nullable(
          Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
          'Key that signs manifests: Ed25519, base64url. null: the keys the seed shows first are trusted from then on.',
        ),
      },
      strict,
    ),
    credential: Type.Object(
      {
        joinTokenFile: nullable(
          text(''),
          'File with a join token of the seed; read while this node is part of no cluster. The certificate that it brings is kept in stateDirectory and renewed by itself.',
        ),
        certificateFile: nullable(
          text(''),
          "This node's certificate chain from an operator's authority, PEM; read again when it changes. null: the node joins by a token.",
        ),
        keyFile: nullable(text(''), 'The private key of it, PEM. null only with certificateFile.'),
        authoritiesFile: nullable(
          text(''),
          'Certificates of the authorities that are trusted, PEM. null only with certificateFile.',
        ),
        trustDomain: Type.String({
          pattern: '^[a-z0-9][a-z0-9.-]{0,252}$',
          description: "Part of every identity: the seed's tls.trustDomain.",
        }),
      },
      strict,
    ),
    swarm: Type.Object(
      {
        encryption: Type.Enum(['off', 'across-racks', 'all'], {
          description:
            'Between which daemons blocks are encrypted, where nodes have certificates; either side may ask for it. What is asked for, and everything but blocks, always is.',
        }),
        host: text('Address to listen on and connect from: that of the storage network.'),
        open: Type.Boolean({
          description:
            'Whether swarm and DHT may listen beyond this machine where this node has no certificate: whoever reaches them gets every layer then.',
        }),
        port: port('TCP port of the swarm.'),
        advertiseHost: nullable(
          text(''),
          'Address that other nodes are told. null: swarm.host, or the address that leads to the seed when that is a wildcard.',
        ),
      },
      strict,
    ),
    dht: Type.Object(
      {
        enabled: Type.Boolean({
          description: 'Whether this node takes part in the DHT, which finds peers without the seed.',
        }),
        port: port('UDP port of the DHT.'),
      },
      strict,
    ),
    limits: Type.Object(
      {
        upBytesPerSecond: limit('Limit on sending to other nodes.'),
        downBytesPerSecond: limit('Limit on receiving.'),
        crossRackBytesPerSecond: limit('Limit on sending to nodes of other racks.'),
        crossRackDownBytesPerSecond: limit('Limit on receiving from nodes of other racks and from the origin.'),
        inRackBytesPerSecond: limit('Limit on sending to nodes of the same rack.'),
        prefetchBytesPerSecond: limit('Limit on receiving what no VM waits for.'),
      },
      strict,
    ),
    store: Type.Object(
      { directory: nullable(text(''), 'Directory for layers. null: "layers" in stateDirectory.') },
      strict,
    ),
    compose: Type.Object(
      {
        directory: nullable(
          text(''),
          'Directory for composed disks. null: "disks" in stateDirectory. On the file system of the layers raw bases are cloned where it can.',
        ),
      },
      strict,
    ),
    boot: Type.Object(
      {
        socketDirectory: nullable(
          text(''),
          'Directory for the sockets that serve disks to VMs, with a path of at most 80 bytes, one for each. null: "boot" in stateDirectory.',
        ),
        socketMode: Type.String({
          pattern: '^0[0-7]{2}0$',
          description:
            'Permissions of those sockets, octal, none for others. Who may connect to one may read its disk.',
        }),
        socketGroup: nullable(
          Type.String({ pattern: '^[0-9A-Za-z_][0-9A-Za-z._-]*$', maxLength: 100 }),
          "Group of those sockets, one that QEMU's user and the peer's are members of. null: the peer's own.",
        ),
        readTimeoutMs: Type.Integer({
          minimum: 1000,
          maximum: 86_400_000,
          description:
            'How long a read waits for a block that nobody can give; then it fails, and the VM is stopped by its settings. Milliseconds.',
        }),
        restWaitsMs: Type.Integer({
          minimum: 0,
          maximum: 3_600_000,
          description:
            'While a VM boots by a boot profile, what that does not name waits until the VM has read nothing for half a minute, but no longer than this. Milliseconds. 0: it does not wait.',
        }),
        record: Type.Boolean({
          description:
            'Whether what VMs read while they boot is recorded when the seed asks for it, or whoever prepares the boot.',
        }),
      },
      strict,
    ),
    glance: glanceSection,
    novaCache: novaCacheSection,
    heartbeat: Type.Object(
      {
        intervalMs: nullable(
          Type.Integer({ minimum: 100, maximum: 3_600_000 }),
          'Time between reports to the seed. Milliseconds. null: what the seed says.',
        ),
      },
      strict,
    ),
    reconcile: Type.Object(
      {
        intervalMs: Type.Integer({
          minimum: 100,
          maximum: 3_600_000,
          description: 'Time between looks at the desired state, beside the push channel. Milliseconds.',
        }),
      },
      strict,
    ),
    api: Type.Object(
      {
        host: text("Address of this node's own API."),
        port: port("TCP port of this node's own API."),
        tokenFile: nullable(
          text(''),
          'File that holds the token of that API; made when missing. null: "api-token" in stateDirectory.',
        ),
        metricsTokenFile: nullable(
          text(''),
          'File that holds a token for /metrics alone, for Prometheus; it may be that of seed.tokenFile. null: only the token of that API is taken.',
        ),
      },
      strict,
    ),
    log: Type.Object({ level: Type.Enum([...LOG_LEVELS], { description: 'The least level that is logged.' }) }, strict),
  },
  strict,
)

export type PeerConfig = Readonly<Static<typeof peerConfigSchema>>

/** Every default of the peer's configuration; seed.url has none. */
export const peerConfigDefaults = {
  node: null,
  zone: '',
  rack: '',
  aggregates: [],
  linkBytesPerSecond: null,
  stateDirectory: '/var/lib/shoal-peer',
  cache: {
    maxBytes: null,
    maxShare: 0.9,
    minFreeBytes: 1024 ** 3,
    highWatermark: 0.95,
    lowWatermark: 0.85,
    policy: 'worth',
    bootShare: 0.1,
    lastCopiesLast: false,
    scrubBytesPerSecond: 4 * 1024 ** 2,
  },
  seed: { tokenFile: null, publicKey: null },
  credential: {
    joinTokenFile: null,
    certificateFile: null,
    keyFile: null,
    authoritiesFile: null,
    trustDomain: 'shoal',
  },
  swarm: { encryption: 'off', host: '0.0.0.0', open: false, port: 7441, advertiseHost: null },
  dht: { enabled: true, port: 7441 },
  limits: NO_TRANSFER_LIMITS,
  store: { directory: null },
  compose: { directory: null },
  boot: {
    socketDirectory: null,
    socketMode: '0660',
    socketGroup: null,
    readTimeoutMs: 600_000,
    restWaitsMs: 300_000,
    record: true,
  },
  glance: glanceDefaults,
  novaCache: novaCacheDefaults,
  heartbeat: { intervalMs: null },
  reconcile: { intervalMs: 15_000 },
  api: { host: '127.0.0.1', port: 7421, tokenFile: null, metricsTokenFile: null },
  log: { level: 'info' },
} as const satisfies ConfigDefaults<PeerConfig>

/** Prefix of the environment variables, as in `SHOAL_PEER_SEED_URL`. */
export const PEER_ENV_PREFIX = 'SHOAL_PEER'

/** Loads the configuration: flag over environment over file over default. Throws `SHOAL_CONFIG_INVALID` or `SHOAL_CONFIG_FILE`. */
export function loadPeerConfig(options: {
  file?: string | undefined
  env: NodeJS.ProcessEnv
  flags?: Readonly<Record<string, unknown>>
}): PeerConfig {
  return loadConfig(peerConfigSchema, {
    defaults: peerConfigDefaults,
    file: options.file ?? options.env[`${PEER_ENV_PREFIX}_CONFIG`],
    env: options.env,
    envPrefix: PEER_ENV_PREFIX,
    flags: options.flags ?? {},
    argvName: 'the peer',
  })
}
