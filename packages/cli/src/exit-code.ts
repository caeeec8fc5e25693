import { errorCode } from '@shoal/core'

/** Exit codes of `shoal`; docs/cli.md lists them from here. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unauthorised: 4,
  unreachable: 5,
  incomplete: 6,
  interrupted: 130,
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'The command did what was asked.',
  failed: 'It failed for another reason than those below.',
  usage: 'The command line, the configuration or a request is not valid.',
  notFound: 'The image, layer, node, boot, plan, rule or operation does not exist.',
  unauthorised: 'The token is missing, wrong, or not allowed to do this.',
  unreachable: 'The service gave no answer.',
  incomplete:
    'The operation ended with failures: an import or a boot failed, an image was refused, blocks were bad, not every node has the layer, too little was evicted, some VMs have no place, or a plan is partly done, was cancelled, expired, or cannot be met in full.',
  interrupted: 'Interrupted (Ctrl-C).',
  terminated: 'Ended by SIGTERM.',
}

const BY_CODE: Readonly<Record<string, ExitCode>> = {
  SHOAL_CLI_USAGE: EXIT.usage,
  SHOAL_CLI_NODE_VERSION: EXIT.usage,
  SHOAL_CLI_SEED_URL: EXIT.usage,
  SHOAL_CLI_TOKEN_FILE: EXIT.usage,
  SHOAL_CLI_IMAGE_AMBIGUOUS: EXIT.usage,
  SHOAL_CLI_IMAGE_FILE: EXIT.usage,
  SHOAL_CLI_BOOT_PROFILE: EXIT.usage,
  SHOAL_CLI_LAYER_AMBIGUOUS: EXIT.usage,
  SHOAL_CLI_DISK_FILE: EXIT.usage,
  SHOAL_CLI_BACKING_FILE: EXIT.usage,
  SHOAL_CLI_CHAIN_TOO_DEEP: EXIT.usage,
  SHOAL_CLI_PARENT_UNFIT: EXIT.usage,
  SHOAL_CLI_MIDDLE_SIZE: EXIT.usage,
  SHOAL_CLI_TEMPORARY: EXIT.usage,
  SHOAL_CLI_PLAN_FILE: EXIT.usage,
  SHOAL_CLI_PLAN_AMBIGUOUS: EXIT.usage,
  SHOAL_CLOUD_CONFIG: EXIT.usage,
  SHOAL_CONFIG_INVALID: EXIT.usage,
  SHOAL_CONFIG_FILE: EXIT.usage,
  SHOAL_HTTP_INVALID: EXIT.usage,
  SHOAL_ASSIGNMENT_TARGETS: EXIT.usage,
  SHOAL_PLAN_REQUEST: EXIT.usage,
  SHOAL_PLAN_TARGETS: EXIT.usage,
  SHOAL_PLAN_TIME: EXIT.usage,
  SHOAL_PLAN_IDEMPOTENCY: EXIT.usage,
  SHOAL_PLACEMENT_REQUEST: EXIT.usage,
  SHOAL_RULE_CRON: EXIT.usage,
  SHOAL_RULE_TIME_ZONE: EXIT.usage,
  SHOAL_RULE_IMAGES: EXIT.usage,
  SHOAL_CLI_PLAN_UNKNOWN: EXIT.notFound,
  SHOAL_PLAN_UNKNOWN: EXIT.notFound,
  SHOAL_RULE_UNKNOWN: EXIT.notFound,
  SHOAL_RULE_NO_IMAGE: EXIT.notFound,
  SHOAL_PLAN_UNMET: EXIT.incomplete,
  SHOAL_CLI_IMAGE_UNKNOWN: EXIT.notFound,
  SHOAL_CLI_IMAGE_DELETED: EXIT.notFound,
  SHOAL_CLI_IMAGE_NOT_PUBLISHED: EXIT.notFound,
  SHOAL_CLI_LAYER_UNKNOWN: EXIT.notFound,
  SHOAL_IMAGE_UNKNOWN: EXIT.notFound,
  SHOAL_LAYER_UNKNOWN: EXIT.notFound,
  SHOAL_STORE_LAYER_UNKNOWN: EXIT.notFound,
  SHOAL_PEER_LAYER_UNKNOWN: EXIT.notFound,
  SHOAL_BOOT_UNKNOWN: EXIT.notFound,
  SHOAL_BOOT_REQUEST: EXIT.usage,
  SHOAL_COMPOSE_UNKNOWN: EXIT.notFound,
  SHOAL_COMPOSE_OPTION: EXIT.usage,
  SHOAL_CACHE_LAYER_UNKNOWN: EXIT.notFound,
  SHOAL_CACHE_POLICY_UNKNOWN: EXIT.usage,
  SHOAL_CACHE_PINNED: EXIT.incomplete,
  SHOAL_PEER_EVICTION_REQUEST: EXIT.usage,
  SHOAL_NODE_UNKNOWN: EXIT.notFound,
  SHOAL_JOIN_TOKEN_UNKNOWN: EXIT.notFound,
  SHOAL_HTTP_NOT_FOUND: EXIT.notFound,
  SHOAL_HTTP_UNAUTHORIZED: EXIT.unauthorised,
  SHOAL_HTTP_FORBIDDEN: EXIT.unauthorised,
  SHOAL_CLI_PARENT_UNPROVEN: EXIT.incomplete,
  SHOAL_CLI_MIDDLE_DIFFERS: EXIT.incomplete,
  SHOAL_KEYSTONE_CREDENTIALS: EXIT.unauthorised,
  SHOAL_GLANCE_UNAUTHORIZED: EXIT.unauthorised,
  SHOAL_KEYSTONE_UNREACHABLE: EXIT.unreachable,
  SHOAL_GLANCE_UNREACHABLE: EXIT.unreachable,
  SHOAL_API_UNREACHABLE: EXIT.unreachable,
  SHOAL_API_TIMEOUT: EXIT.unreachable,
  SHOAL_API_STREAM_CUT: EXIT.unreachable,
}

/** The one place where an error becomes an exit code. */
export function exitCodeOf(error: unknown): ExitCode {
  const code = errorCode(error)
  return (code === undefined ? undefined : BY_CODE[code]) ?? EXIT.failed
}
