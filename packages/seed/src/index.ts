export { SeedConfig, seedDefaults } from './config.ts'
export { seedErrors } from './errors.ts'
export { type Seed, type SeedDeps, startSeed } from './seed.ts'
export { loadSeedConfig, type ServeSeedOptions, serveSeed } from './serve-seed.ts'
