export { clientConformance } from './client-conformance.ts'
export { deviceConformance } from './device-conformance.ts'
