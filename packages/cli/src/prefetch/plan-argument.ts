/** The argument by which commands name a plan. */
export const planArgument = {
  type: 'string',
  demandOption: true,
  describe: 'Id of a plan, the beginning of one, the name of a plan, or latest',
} as const
