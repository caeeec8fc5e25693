// How a daemon deals with the seed, without the rest of it: for whoever lets a fleet of such nodes run in one process.
export { DesiredStateFollower } from './desired-state.ts'
export { EnrollmentKeeper } from './enrollment.ts'
export { Heartbeat, type HeartbeatDeps } from './heartbeat.ts'
export { isNoAnswer, type SeedApi, SeedLink } from './seed-link.ts'
export { fetchBy, SeedFetch } from './trust/seed-fetch.ts'
