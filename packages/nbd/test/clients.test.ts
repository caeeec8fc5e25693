import { clientConformance } from './client-conformance.ts'

clientConformance('a device in memory')
