import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `swarm`. */
export const swarmErrors = {
  SHOAL_SWARM_PORT_IN_USE: {
    message: 'The swarm cannot listen on {address}: the port is in use.',
    hint: 'Choose another swarm.port, or end the process that holds it (ss -lptn shows it).',
  },
  SHOAL_SWARM_ADDRESS: {
    message: 'The swarm cannot listen on {address}: this machine does not have that address.',
    hint: 'Set swarm.host to an address of this machine (ip addr shows them).',
  },
  SHOAL_SWARM_LISTEN: {
    message: 'The swarm cannot listen on {address}: {reason}.',
    hint: 'Check swarm.host and swarm.port.',
  },
  SHOAL_SWARM_OPEN: {
    message: 'The swarm would listen on {host} for everybody: without certificates nobody proves to be a node.',
    hint: "Give nodes certificates (tls.enabled at the seed, an https seed.url and a join token at nodes), set swarm.host to an address of this machine's loopback, or set swarm.open to true where whoever reaches the port may have every layer.",
  },
  SHOAL_SWARM_TORRENT_INVALID: {
    message: 'The torrent of {digest} does not fit its manifest: {reason}.',
    hint: 'Remove the layer from this node and assign it again; if it happens again, import the image again at the seed.',
  },
  SHOAL_SWARM_LAYER_LEFT: {
    message: 'The swarm of {digest} was left while some of it was waited for.',
    hint: 'It is asked for again once the layer is fetched again.',
  },
  SHOAL_TRACKER_LISTEN: {
    message: 'The tracker cannot listen on {address}: {reason}.',
    hint: 'Choose another tracker.host or tracker.port, or end the process that holds the port.',
  },
} as const satisfies ErrorTable

export const swarmError = errorFactory(swarmErrors)
