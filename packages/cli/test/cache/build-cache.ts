import type { CacheLayer, CachePin, CacheStatus, EvictionResult } from '@shoal/api'
import { digestOf } from '../builders.ts'

export const MIB = 1024 ** 2
export const GIB = 1024 ** 3

export function buildStatus(overrides: Partial<CacheStatus> = {}): CacheStatus {
  return {
    policy: 'worth',
    policies: ['worth', 'lru', 'fifo'],
    limitBytes: 60 * GIB,
    takenBytes: 45 * GIB,
    layerBytes: 40 * GIB,
    otherBytes: 3 * GIB,
    reservedBytes: 2 * GIB,
    highWatermarkBytes: 57 * GIB,
    lowWatermarkBytes: 51 * GIB,
    freeBytes: 30 * GIB,
    totalBytes: 100 * GIB,
    layers: 12,
    pinnedLayers: 3,
    requests: { hits: 9, misses: 1 },
    bytes: { hits: 2 * GIB, misses: GIB },
    bootBytes: { hits: 0, misses: 0 },
    evictions: { space: 12, age: 0, operator: 1 },
    ...overrides,
  }
}

export function buildCacheLayer(hex: string, overrides: Partial<CacheLayer> = {}): CacheLayer {
  return {
    layer: digestOf(hex),
    parent: null,
    sizeBytes: GIB,
    presentBytes: GIB,
    allocatedBytes: GIB + 4096,
    value: 0.5,
    uses: 3,
    lastUsedAt: '2026-01-01T00:00:00.000Z',
    replicas: { rack: 2, zone: 1, elsewhere: 0 },
    pins: [],
    isBusy: false,
    ...overrides,
  }
}

export function buildPin(overrides: Partial<CachePin> = {}): CachePin {
  return { kind: 'operator', owner: 'operator', since: '2026-01-01T00:00:00.000Z', expiresAt: null, ...overrides }
}

/** The layer aaaaaaaa goes, its boot part stays, and bbbbbbbb is held. */
export function buildResult(overrides: Partial<EvictionResult> = {}): EvictionResult {
  return {
    dryRun: false,
    evictions: [{ layer: digestOf('aaaaaaaa'), sizeBytes: GIB, keptBytes: 64 * MIB, value: 0.1, isLastCopy: true }],
    freedBytes: GIB - 64 * MIB,
    kept: [
      { layer: digestOf('bbbbbbbb'), sizeBytes: 2 * GIB, why: 'vm1.qcow2 (disk)' },
      { layer: digestOf('cccccccc'), sizeBytes: MIB, why: '' },
    ],
    ...overrides,
  }
}
