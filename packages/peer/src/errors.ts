import { type ErrorTable, errorFactory } from '@shoal/core'
import { bootErrors } from './boot/errors.ts'
import { composeErrors } from './compose/errors.ts'
import { gatewayErrors } from './glance/errors.ts'
import { novaCacheErrors } from './nova-cache/errors.ts'

/** Error codes of `peer`. */
export const peerErrors = {
  SHOAL_PEER_TOKEN_FILE: {
    message: 'The token file {path} cannot be read: {reason}.',
    hint: "Copy the seed's node token into that file, readable by the peer's user, or correct seed.tokenFile.",
  },
  SHOAL_PEER_TOKEN_REFUSED: {
    message: 'The seed at {url} refuses the token of this peer.',
    hint: "Put the seed's node token into the file that seed.tokenFile names ({path}), then start the peer again.",
  },
  SHOAL_PEER_CREDENTIAL_REFUSED: {
    message: 'The seed at {url} refuses the certificate of this node: {reason}',
    hint: 'If it is to come back: remove credential.pem from stateDirectory, put a new token (shoal join-token create --node NAME) into credential.joinTokenFile, and start the peer again.',
  },
  SHOAL_PEER_JOIN_TOKEN: {
    message: 'This node is part of no cluster yet, and has no join token: {reason}.',
    hint: 'shoal join-token create --node NAME makes one; put it into a file, and set credential.joinTokenFile to that.',
  },
  SHOAL_PEER_JOIN_REFUSED: {
    message: 'The seed at {url} does not take the join token in {path}: {reason}',
    hint: 'A token is good once and for an hour unless said otherwise: shoal join-token create --node NAME makes another.',
  },
  SHOAL_PEER_OTHER_SEED: {
    message: 'Whoever answers at {url} is not the seed that the join token is from.',
    hint: 'Check seed.url. If the seed has a new authority, make a new token; if not, find out who answers there. The token was not sent.',
  },
  SHOAL_PEER_SEED_TLS: {
    message: 'There is no TLS connection to {url}: {reason}.',
    hint: "Check that seed.url is the seed's https address (tls.host and tls.port there; default port 7423).",
  },
  SHOAL_PEER_NOT_A_SEED: {
    message: "Who answers for the seed shows the certificate of {name}, which is not a seed's.",
    hint: 'Check seed.url, and find out who answers at that address.',
  },
  SHOAL_PEER_CREDENTIAL_NAME: {
    message: 'The credential of this node is that of {name}, but the node is {node}.',
    hint: 'Set node to the name that the certificate is for. If the machine was renamed, remove credential.pem from stateDirectory and join again.',
  },
  SHOAL_PEER_DIRECTORY: {
    message: 'The directory {path} cannot be used: {reason}.',
    hint: 'Set stateDirectory and store.directory to directories that the peer may write to.',
  },
  SHOAL_PEER_SEED_KEY: {
    message: 'The keys of the seed at {url} do not follow from the one that this peer trusts ({trusted}): {reason}.',
    hint: 'Find out who answers at that address, and whether the seed was restored from an old backup. If it has another key on purpose, set seed.publicKey to that one (shoal key list shows it).',
  },
  SHOAL_PEER_UNREACHABLE: {
    message: 'Other nodes cannot reach this one at {address}: {reason}.',
    hint: 'Open that TCP port in the firewall, or set swarm.advertiseHost to the address of this machine that other nodes can reach.',
  },
  SHOAL_PEER_LAYER_IN_USE: {
    message: 'Layer {layer} was withdrawn, but {user} has it open.',
    hint: 'It is removed when that ends; it is served to nobody meanwhile. Stop or rebuild the machine to have it gone sooner.',
  },
  SHOAL_PEER_EVICTION_REQUEST: {
    message: 'Say what is to be evicted: {reason}.',
    hint: 'Give either a layer or a number of bytes.',
  },
  SHOAL_PEER_LAYER_MISMATCH: {
    message: 'The seed was asked for the manifest of {layer} and gave that of {found}.',
    hint: "It is tried again; if it stays so, look at the seed's log.",
  },
  SHOAL_PEER_MANIFEST_ROLLBACK: {
    message:
      'The manifest of {layer} that was offered was made at {offered}; this node has taken one of {taken} before.',
    hint: 'If the seed was restored from a backup, import the image again: its manifest is made anew. If not, somebody repeats an old one: find out who answers for the seed.',
  },
  SHOAL_PEER_GRANT: {
    message: 'What the seed gave as a grant of {layer} is none.',
    hint: 'Seed and peer may be of versions that do not know each other: bring both to the same. It is asked for again.',
  },
  SHOAL_PEER_LAYER_UNKNOWN: {
    message: 'This node does not hold layer {layer}.',
    hint: 'GET /v1/local lists the layers it holds.',
  },
  SHOAL_PEER_INTERNAL: {
    message: 'Layer {layer} failed for an unexpected reason: {reason}.',
    hint: "It is tried again; report it with the peer's log if it stays so.",
  },
  ...composeErrors,
  ...bootErrors,
  ...novaCacheErrors,
  ...gatewayErrors,
} as const satisfies ErrorTable

export const peerError = errorFactory(peerErrors)
