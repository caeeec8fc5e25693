/** The option by which commands name the node whose cache they are about. */
export const peerOption = {
  type: 'string',
  requiresArg: true,
  demandOption: true,
  describe: "URL of the peer's own API",
} as const
