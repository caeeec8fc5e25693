/** The argument by which commands name a rule. */
export const ruleArgument = { type: 'string', demandOption: true, describe: 'Name of a rule' } as const
