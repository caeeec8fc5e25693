/** The option by which commands name the node that boots: this machine, unless another is named. */
export const bootPeerOption = {
  type: 'string',
  requiresArg: true,
  default: 'http://127.0.0.1:7421',
  describe: "URL of the peer's own API",
} as const

/** The argument by which commands name a boot. */
export const bootArgument = { type: 'string', demandOption: true, describe: 'Name of a boot' } as const
