import { parentPort } from 'node:worker_threads'
import { type CacheOrder, measureCache } from './measure-cache.ts'

// One order after the other, each answered with its row.
parentPort?.on('message', (order: CacheOrder) => parentPort?.postMessage(measureCache(order)))
