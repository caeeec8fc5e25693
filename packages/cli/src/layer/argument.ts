/** The argument by which commands name a layer. */
export const layerArgument = {
  type: 'string',
  demandOption: true,
  describe: 'Digest of a layer, its first 8 digits or more, or the id or name of an image',
} as const
