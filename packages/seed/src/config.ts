import { LIMIT_RANGE } from '@shoal/api'
import { NO_TRANSFER_LIMITS } from '@shoal/core'
import { type ConfigDefaults, LOG_LEVELS, loadConfig } from '@shoal/service'
import { type Static, type TSchema, Type } from 'typebox'

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.String({ minLength: 1, maxLength: 4096, description })
const nullable = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description })
const host = (description: string) => Type.String({ minLength: 1, maxLength: 255, description })
const port = (description: string) => Type.Integer({ minimum: 0, maximum: 65_535, description })
const bytes = (description: string) =>
  Type.Integer({ minimum: 1, maximum: 16 * 1024 ** 4, description: `${description} Bytes.` })
const limit = (description: string) =>
  nullable(Type.Integer(LIMIT_RANGE), `${description} Bytes per second. null: no limit.`)
const milliseconds = (description: string) =>
  Type.Integer({ minimum: 10, maximum: 86_400_000, description: `${description} Milliseconds.` })
const rateOf = (description: string) =>
  Type.Integer({ minimum: 1000, maximum: 1e12, description: `${description} Bytes per second.` })
const count = (minimum: number, maximum: number, description: string) => Type.Integer({ minimum, maximum, description })

const ImportRule = Type.Object(
  {
    visibility: Type.Optional(Type.Enum(['public', 'private', 'shared', 'community'])),
    tag: Type.Optional(Type.String({ maxLength: 255 })),
    property: Type.Optional(Type.String({ maxLength: 1000 })),
  },
  strict,
)

const RoleMapping = Type.Object(
  {
    keystoneRole: Type.String({ minLength: 1, maxLength: 255, description: 'Name of a role of Keystone.' }),
    project: nullable(
      Type.String({ minLength: 1, maxLength: 255 }),
      'In which project: its id, or name@domain; system: for the whole cloud; null: any project.',
    ),
    role: Type.Enum(['admin', 'operator', 'reader'], { description: 'The role here.' }),
  },
  strict,
)

/** Configuration of the seed. */
export const seedConfigSchema = Type.Object(
  {
    stateDirectory: text('Directory for state, layers, the signing key and the tokens. It belongs to one seed alone.'),
    name: Type.String({
      pattern: '^[a-z0-9][a-z0-9.-]{0,252}$',
      description: 'Name of the origin in the swarm, as peers show it.',
    }),
    listen: Type.Object(
      {
        host: host('Address of the HTTP API.'),
        port: port('Port of the HTTP API; 0 takes a free one.'),
        requestsPerSecond: nullable(
          count(1, 1_000_000, 'Requests per second; twice as many at once after a rest.'),
          'The most that one client may ask, by its token or, without one, its address. Requests per second; null: no limit.',
        ),
      },
      strict,
    ),
    tls: Type.Object(
      {
        enabled: Type.Boolean({
          description:
            'Whether nodes are known by certificates, on a TLS listener of their own. false: by node.token on the listener of the HTTP API; then any node can speak for any other, and none can be shut out.',
        }),
        host: host('Address that nodes connect to with TLS.'),
        port: port('Port of it; 0 takes a free one.'),
        names: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
          maxItems: 64,
          description:
            "More DNS names and addresses for the seed's certificate, which has those that it listens on and its host name. Nodes go by the identity in it; curl and browsers go by names.",
        }),
        trustDomain: Type.String({
          pattern: '^[a-z0-9][a-z0-9.-]{0,252}$',
          description: 'Part of every identity; clusters that share one authority need different ones.',
        }),
        nodeCertificateHours: count(
          1,
          8760,
          "How long a node's certificate holds; it is renewed at half of that. Hours.",
        ),
        certificateFile: nullable(
          text(''),
          "The seed's certificate chain from an operator's authority, PEM; read again when it changes. null: the embedded authority makes one.",
        ),
        keyFile: nullable(text(''), 'The private key of it, PEM. null only with certificateFile.'),
        authoritiesFile: nullable(
          text(''),
          'Certificates of the authorities whose nodes are trusted, PEM. null only with certificateFile.',
        ),
      },
      strict,
    ),
    keys: Type.Object(
      {
        overlapHours: Type.Integer({
          minimum: 0,
          maximum: 8760,
          description:
            'How long nodes go on to trust a signing key that has a successor, unless shoal key rotate says otherwise. Hours.',
        }),
      },
      strict,
    ),
    tokens: Type.Object(
      {
        operatorFile: nullable(
          text(''),
          "File with the operators' token; made when missing. null: operator.token in stateDirectory.",
        ),
        nodeFile: nullable(
          text(''),
          'File with the token of services that read metrics and the scheduler snapshot, and of nodes where tls.enabled is false; made when missing. null: node.token in stateDirectory.',
        ),
        viewerFile: nullable(
          text(''),
          'File with the token of those who may look and change nothing; made when missing. null: viewer.token in stateDirectory.',
        ),
      },
      strict,
    ),
    access: Type.Object(
      {
        trustNodes: Type.Boolean({
          description:
            'Whether a node may have any image that it asks for. false: one that is not for all only where it is planned, assigned or running, or with the token of its tenant.',
        }),
        imageCacheMs: Type.Integer({
          minimum: 0,
          maximum: 300_000,
          description: 'How long it holds that Glance gives a user an image. Milliseconds.',
        }),
        keystone: Type.Object(
          {
            url: nullable(
              text(''),
              'Keystone whose tokens are taken in X-Auth-Token, and whose users sign in to the dashboard. null: none.',
            ),
            caFile: nullable(
              text(''),
              'Certificates of the authorities that Keystone is trusted by. null: those of the system.',
            ),
            cacheMs: Type.Integer({
              minimum: 0,
              maximum: 60_000,
              description:
                'How long what it said of a token holds; so long a revoked one is still taken. Milliseconds.',
            }),
            roles: Type.Array(RoleMapping, {
              maxItems: 100,
              description:
                'Which role of Keystone gives which role here: keystoneRole, project, role. The highest counts.',
            }),
          },
          strict,
        ),
      },
      strict,
    ),
    dashboard: Type.Object(
      {
        enabled: Type.Boolean({ description: 'Whether the dashboard is served at /.' }),
        directory: nullable(text(''), 'Where its built pages are. null: those of this installation.'),
      },
      strict,
    ),
    library: Type.Object(
      {
        directory: nullable(
          text(''),
          'Directory of images to serve as an embedded library. null: the library is elsewhere.',
        ),
        endpoint: nullable(text(''), 'URL of a Glance that needs no Keystone. null: Keystone knows it.'),
        cloud: nullable(
          text(''),
          'Cloud of clouds.yaml. null: OS_CLOUD, else the OS_* variables, else the only cloud there is.',
        ),
        limitBytesPerSecond: limit('Limit on reading image data, over all imports.'),
        pollIntervalMs: milliseconds('Time between two looks at new and changed images.'),
        sweepIntervalMs: milliseconds('Time between two looks at all images, which find deleted ones.'),
      },
      strict,
    ),
    images: Type.Object(
      {
        maxImageBytes: bytes('Largest image file that is imported.'),
        maxVirtualBytes: bytes('Largest disk an image may have.'),
        signatures: Type.Object(
          {
            policy: Type.Enum(['off', 'signed', 'required'], {
              description:
                'What is asked of the signatures of images (img_signature and its like). off: nothing; signed: one that an image claims is verified over its bytes; required: and an image without one is refused.',
            }),
            certificateDirectory: nullable(
              text(''),
              "Directory of the signers' certificates, <id>.pem each. null: the key manager (Barbican) of the library's cloud has them.",
            ),
            trustedCertificates: Type.Array(Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' }), {
              maxItems: 64,
              description:
                "Ids of certificates that a signer's has to be signed by, up to one that has signed itself. None: any that the directory or key manager has will do.",
            }),
          },
          strict,
        ),
      },
      strict,
    ),
    imports: Type.Object(
      {
        rules: Type.Array(ImportRule, {
          maxItems: 100,
          description:
            'Images to import without being asked: one rule must hold, in it all of visibility, tag and property (name or name=value).',
        }),
        queueLength: count(1, 100_000, 'Imports that may wait.'),
        concurrency: count(1, 16, 'Imports that run at once; the limit holds over all of them.'),
        attempts: count(1, 100, 'Attempts of one import while the library cannot be reached.'),
      },
      strict,
    ),
    layers: Type.Object(
      {
        automatic: Type.Boolean({
          description: 'Whether base and middle are made of every imported image that a known base fits.',
        }),
        minimumSaving: Type.Number({
          minimum: 0,
          maximum: 0.99,
          description: "Least part of an image's size that a middle must save; otherwise the image stays one layer.",
        }),
        queueLength: count(1, 100_000, 'Images that may wait for their layers.'),
      },
      strict,
    ),
    boot: Type.Object(
      {
        recordings: count(
          0,
          10,
          'Boots of each image of which nodes record what is read, and of which its boot profile is made; 0: none.',
        ),
      },
      strict,
    ),
    swarm: Type.Object(
      {
        encryption: Type.Enum(['off', 'across-racks', 'all'], {
          description:
            'Between which daemons blocks are encrypted, where nodes have certificates; either side may ask for it. What is asked for, and everything but blocks, always is.',
        }),
        host: host('Address that the origin, tracker and DHT node listen on: the storage network.'),
        open: Type.Boolean({
          description:
            'Whether origin, tracker and DHT node may listen beyond this machine where tls.enabled is false: whoever reaches them gets every layer then.',
        }),
        port: port('TCP port of the origin; 0 takes a free one.'),
        advertiseHost: nullable(host(''), 'Host name or address that nodes are told. null: swarm.host.'),
        upBytesPerSecond: limit('Limit on what the origin sends.'),
      },
      strict,
    ),
    racks: Type.Object(
      {
        uplinkBytesPerSecond: limit(
          'Limit on what goes into, and on what goes out of, each rack; its nodes that are alive share it.',
        ),
      },
      strict,
    ),
    tracker: Type.Object(
      {
        enabled: Type.Boolean({ description: 'Whether the tracker runs.' }),
        port: port('TCP and UDP port of the tracker; 0 takes a free one.'),
        announceIntervalMs: milliseconds('Time between two announces of a peer at rest; shorter while many join.'),
      },
      strict,
    ),
    dht: Type.Object(
      {
        enabled: Type.Boolean({ description: 'Whether the DHT bootstrap node runs.' }),
        port: port('UDP port of the DHT node; 0 takes a free one.'),
      },
      strict,
    ),
    nodes: Type.Object(
      {
        heartbeatIntervalMs: milliseconds("Time between a node's heartbeats."),
        lostAfterHeartbeats: count(1, 100, 'Heartbeats missed before a node counts as lost.'),
        reachabilityIntervalMs: milliseconds("Time between two connects to a node's swarm address."),
        limit: count(1, 1_000_000, 'Nodes that may register.'),
        suspects: Type.Object(
          {
            reporters: count(
              1,
              100,
              'Nodes that must have got bad blocks from another one before the health of the swarm names it.',
            ),
            windowMs: milliseconds('Within which time.'),
            quarantine: Type.Boolean({
              description:
                'Whether such a node is put into quarantine at once, up to one in twenty nodes; otherwise that is left to an operator.',
            }),
          },
          strict,
        ),
        limits: Type.Object(
          {
            upBytesPerSecond: limit('Limit on what a node sends, unless its own is lower.'),
            downBytesPerSecond: limit('Limit on what a node receives, unless its own is lower.'),
            crossRackBytesPerSecond: limit('Limit on what a node sends to other racks, unless its own is lower.'),
            crossRackDownBytesPerSecond: limit(
              'Limit on what a node receives from other racks and from the origin, unless its own is lower.',
            ),
            inRackBytesPerSecond: limit('Limit on what a node sends in its own rack, unless its own is lower.'),
            prefetchBytesPerSecond: limit(
              'Limit on what a node receives that no VM waits for, unless its own is lower.',
            ),
          },
          strict,
        ),
      },
      strict,
    ),
    prefetch: Type.Object(
      {
        nodeLinkBytesPerSecond: rateOf("A node's link, each way, where the node does not say it."),
        seedLinkBytesPerSecond: rateOf('The link of the seed, as plans assume it.'),
        libraryBytesPerSecond: rateOf('What the library delivers, as plans assume it where there is no limit.'),
        excludeAfterMs: milliseconds('How long a node may be away before a plan goes on without it.'),
        plansKept: count(1, 100_000, 'Ended plans that are kept.'),
      },
      strict,
    ),
    events: Type.Object({ limit: count(100, 10_000_000, 'Events that are kept; older ones are dropped.') }, strict),
    audit: Type.Object(
      { limit: count(100, 10_000_000, 'Entries of the audit log that are kept; older ones are dropped.') },
      strict,
    ),
    log: Type.Object({ level: Type.Enum([...LOG_LEVELS], { description: 'The least level that is logged.' }) }, strict),
  },
  strict,
)
export type SeedConfig = Readonly<Static<typeof seedConfigSchema>>

const GIB = 1024 ** 3

/** Every default of the seed's configuration. */
export const seedConfigDefaults = {
  stateDirectory: '/var/lib/shoal-seed',
  name: 'seed',
  listen: { host: '127.0.0.1', port: 7420, requestsPerSecond: 500 },
  tls: {
    enabled: true,
    host: '127.0.0.1',
    port: 7423,
    names: [],
    trustDomain: 'shoal',
    nodeCertificateHours: 168,
    certificateFile: null,
    keyFile: null,
    authoritiesFile: null,
  },
  keys: { overlapHours: 168 },
  access: {
    trustNodes: false,
    imageCacheMs: 30_000,
    keystone: { url: null, caFile: null, cacheMs: 10_000, roles: [] },
  },
  dashboard: { enabled: true, directory: null },
  tokens: { operatorFile: null, nodeFile: null, viewerFile: null },
  library: {
    directory: null,
    endpoint: null,
    cloud: null,
    limitBytesPerSecond: null,
    pollIntervalMs: 15_000,
    sweepIntervalMs: 300_000,
  },
  images: {
    maxImageBytes: 256 * GIB,
    maxVirtualBytes: 2048 * GIB,
    signatures: { policy: 'signed', certificateDirectory: null, trustedCertificates: [] },
  },
  imports: { rules: [], queueLength: 1000, concurrency: 2, attempts: 8 },
  layers: { automatic: true, minimumSaving: 0.25, queueLength: 1000 },
  boot: { recordings: 5 },
  swarm: { encryption: 'off', host: '127.0.0.1', open: false, port: 7440, advertiseHost: null, upBytesPerSecond: null },
  racks: { uplinkBytesPerSecond: null },
  tracker: { enabled: true, port: 7430, announceIntervalMs: 30_000 },
  dht: { enabled: true, port: 7440 },
  nodes: {
    heartbeatIntervalMs: 5000,
    lostAfterHeartbeats: 4,
    reachabilityIntervalMs: 60_000,
    limit: 10_000,
    suspects: { reporters: 3, windowMs: 600_000, quarantine: false },
    limits: NO_TRANSFER_LIMITS,
  },
  prefetch: {
    nodeLinkBytesPerSecond: 1_250_000_000,
    seedLinkBytesPerSecond: 1_250_000_000,
    libraryBytesPerSecond: 250_000_000,
    excludeAfterMs: 60_000,
    plansKept: 1000,
  },
  events: { limit: 10_000 },
  audit: { limit: 20_000 },
  log: { level: 'info' },
} as const satisfies ConfigDefaults<SeedConfig>

/** Prefix of the environment variables, as in `SHOAL_SEED_LISTEN_PORT`. */
export const SEED_ENV_PREFIX = 'SHOAL_SEED'

/** Loads the configuration: flag over environment over file over default. Throws `SHOAL_CONFIG_INVALID` or `SHOAL_CONFIG_FILE`. */
export function loadSeedConfig(options: {
  file?: string | undefined
  env: NodeJS.ProcessEnv
  flags?: Readonly<Record<string, unknown>>
}): SeedConfig {
  return loadConfig(seedConfigSchema, {
    defaults: seedConfigDefaults,
    file: options.file ?? options.env[`${SEED_ENV_PREFIX}_CONFIG`],
    env: options.env,
    envPrefix: SEED_ENV_PREFIX,
    flags: options.flags ?? {},
    argvName: 'the seed',
  })
}
