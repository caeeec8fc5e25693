import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of the Glance endpoint of a node. Those that clients see come in place of an answer of Glance. */
export const gatewayErrors = {
  SHOAL_GATEWAY_UNREACHABLE: {
    message: 'Glance at {url} does not answer: {reason}.',
    hint: 'Start Glance, or correct glance.url of the peer.',
  },
  SHOAL_GATEWAY_TIMEOUT: {
    message: 'Glance at {url} does not answer in time: {reason}.',
    hint: "Look at Glance's log and load, or raise glance.silenceMs of the peer.",
  },
  SHOAL_GATEWAY_BUSY: {
    message: 'This node has {limit} downloads under way or waiting, the most it allows.',
    hint: 'Try again later; glance.maxDownloads is how many run at a time.',
  },
  SHOAL_GATEWAY_CUT: {
    message: 'The download of image {image} was cut after {sentBytes} bytes: {reason}.',
    hint: 'The client sees a broken connection; find out why neither the swarm nor Glance had the rest.',
  },
  SHOAL_GATEWAY_BYTES: {
    message: 'Glance gave other bytes of image {image} at {offset} than those of layer {layer}.',
    hint: "The image is damaged in Glance's store, or it was replaced there; check it and import it again.",
  },
  SHOAL_GATEWAY_REFUSED: {
    message: 'Glance refuses the rest of image {image} from {offset}: it answers {status}.',
    hint: 'The token may have expired, or the image was deleted or deactivated meanwhile.',
  },
  SHOAL_GATEWAY_CERTIFICATE: {
    message: 'The certificates in {path} cannot be read: {reason}.',
    hint: 'Correct glance.caFile of the peer.',
  },
  SHOAL_GATEWAY_INTERNAL: {
    message: 'The Glance endpoint of this node failed for an unexpected reason: {reason}.',
    hint: "Try again; report it with the peer's log if it stays so.",
  },
} as const satisfies ErrorTable

export const gatewayError = errorFactory(gatewayErrors)
