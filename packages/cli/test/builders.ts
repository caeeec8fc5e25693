import type { Assignment, Composition, Image, ImageImport, Layer, LayerInventory, Layering, Node } from '@shoal/api'

const AT = '2026-01-01T00:00:00.000Z'

export function digestOf(hex: string): string {
  return `sha256:${hex.padEnd(64, '0')}`
}

export function buildImage(overrides: Partial<Image> = {}): Image {
  const { layer = null } = overrides
  return {
    id: '6f0c2c1e-0000-4000-8000-000000000001',
    name: 'debian-12',
    status: 'active',
    visibility: 'public',
    diskFormat: 'qcow2',
    sizeBytes: 1024 ** 2,
    virtualSizeBytes: null,
    osHashAlgo: 'sha512',
    osHashValue: 'ab',
    updatedAt: AT,
    tags: [],
    import: null,
    layer,
    chain: layer === null ? [] : [layer],
    layering: null,
    signature: {
      ...{ state: 'unsigned', certificate: null, hashMethod: null, keyType: null },
      ...{ subject: null, checkedAt: null, error: null },
    },
    ...overrides,
  }
}

export function buildImport(overrides: Partial<ImageImport> = {}): ImageImport {
  return {
    state: 'published',
    bytesRead: 1024 ** 2,
    bytesTotal: 1024 ** 2,
    rateBytesPerSecond: 0,
    libraryRequests: 1,
    startedAt: AT,
    finishedAt: '2026-01-01T00:00:02.000Z',
    error: null,
    ...overrides,
  }
}

export function buildLayering(overrides: Partial<Layering> = {}): Layering {
  return {
    state: 'published',
    base: digestOf('aaaaaaaa'),
    estimatedSharing: 0.7,
    minimumSaving: 0.25,
    flatBytes: 1024 ** 2,
    layerBytes: 256 * 1024,
    hotBytes: 0,
    freeBytes: 0,
    doneBytes: 10 * 1024 ** 2,
    totalBytes: 10 * 1024 ** 2,
    startedAt: AT,
    finishedAt: '2026-01-01T00:00:02.000Z',
    error: null,
    ...overrides,
  }
}

export function buildLayer(overrides: Partial<Layer> = {}): Layer {
  return {
    digest: digestOf('aaaaaaaa'),
    parent: null,
    kind: 'base',
    format: 'qcow2',
    sizeBytes: 1024 ** 2,
    virtualSizeBytes: 10 * 1024 ** 2,
    blockLengthBytes: 256 * 1024,
    pieceLengthBytes: 256 * 1024,
    infoHash: 'ab'.repeat(20),
    images: [],
    state: 'published',
    createdAt: AT,
    uploadedBytes: 1024 ** 2,
    seedCopies: 1,
    nodesAssigned: 0,
    nodesComplete: 0,
    nodesPartial: 0,
    ...overrides,
  }
}

export function buildHeld(overrides: Partial<LayerInventory> = {}): LayerInventory {
  return {
    digest: digestOf('aaaaaaaa'),
    state: 'complete',
    presentBytes: 1024 ** 2,
    sizeBytes: 1024 ** 2,
    fromOriginBytes: 0,
    fromPeersBytes: 1024 ** 2,
    uploadedBytes: 0,
    peers: 2,
    error: null,
    ...overrides,
  }
}

export function buildNode(id: string, layers: LayerInventory[] | null = [], overrides: Partial<Node> = {}): Node {
  return {
    id,
    zone: 'z1',
    rack: 'r1',
    swarmAddress: '127.0.0.2:7471',
    swarmPeerId: 'cd'.repeat(20),
    dhtAddress: null,
    apiUrl: null,
    capacityBytes: 1024 ** 4,
    version: '0.1.0',
    state: 'ready',
    mode: { mode: 'active', reason: '', by: null, since: null, isDrained: false },
    lastSeenAt: AT,
    reachability: 'reachable',
    inventory:
      layers === null
        ? null
        : { layers, diskFreeBytes: 10, diskUsedBytes: 10, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 },
    ...overrides,
  }
}

export function buildAssignment(node: string, overrides: Partial<Assignment> = {}): Assignment {
  return { node, layer: digestOf('aaaaaaaa'), priority: 50, createdAt: AT, pinnedUntil: null, ...overrides }
}

export function buildComposition(overrides: Partial<Composition> = {}): Composition {
  return {
    name: 'disk',
    layer: digestOf('aaaaaaaa'),
    format: 'raw',
    compression: 'none',
    state: 'queued',
    doneBytes: 0,
    totalBytes: 10 * 1024 ** 2,
    writtenBytes: 0,
    path: '/disks/disk',
    overlay: null,
    requestedAt: AT,
    startedAt: null,
    finishedAt: null,
    error: null,
    ...overrides,
  }
}
