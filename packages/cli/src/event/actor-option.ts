/** Picks events by who did them. */
export const actorOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Only what this actor did, such as token:ci; a kind alone, such as node, means all of that kind',
} as const
