import { MemoryDevice } from '../src/memory-device.ts'
import { deviceConformance } from './device-conformance.ts'

deviceConformance('a device in memory', (_t, content) => Promise.resolve(new MemoryDevice(content)))

const blockSizes = { minimum: 512, preferred: 4096, maximum: 128 * 1024 }
deviceConformance('a device in memory with block sizes', (_t, content) =>
  Promise.resolve(new MemoryDevice(content, { blockSizes })),
)
