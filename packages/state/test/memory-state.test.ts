import { createMemoryState } from '@shoal/state'
import { stateConformance } from './conformance.ts'

stateConformance('memory', async () => createMemoryState())
