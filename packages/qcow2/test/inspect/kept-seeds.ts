/** Seeds of cases that failed once, each with what was wrong: they are run again with every test. */
export const keptSeeds: readonly (readonly [seed: number, fault: string])[] = []
