export {
  loadSeedConfig,
  SEED_ENV_PREFIX,
  type SeedConfig,
  seedConfigDefaults,
  seedConfigSchema,
} from './config.ts'
export { seedErrors } from './errors.ts'
export { type Seed, type SeedDeps, startSeed } from './seed.ts'
export { type ServeSeedOptions, serveSeed } from './serve-seed.ts'
