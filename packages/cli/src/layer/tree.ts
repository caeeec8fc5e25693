import type { Image, Layer } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { type Column, formatTable } from '../format/table.ts'
import { readAll } from '../page-reader.ts'
import { shortDigest } from '../resolve/layer.ts'

/** A base with its middles. */
export interface LayerTree {
  readonly layer: Layer
  /** Bytes that the images above would take as one layer each, and what they take. */
  readonly flatBytes: number
  readonly storedBytes: number
  readonly middles: readonly { readonly layer: Layer; readonly flatBytes: number }[]
}

interface Row {
  readonly name: string
  readonly layer: Layer
  readonly flatBytes: number
  readonly names: string
}

export const layerTree = defineCommand({
  usage: 'layer tree',
  summary: 'Show bases with their middles: sizes, what they save, and the nodes that hold them.',
  examples: [['layer tree', 'every base, its middles below it']],
  run: async ({ client, output, signal }) => {
    const [layers, images] = await Promise.all([
      readAll(
        (query) => client.listLayers({ query, signal }),
        (page) => page.layers,
      ),
      readAll(
        (query) => client.listImages({ query, signal }),
        (page) => page.images,
      ),
    ])
    const trees = treesOf(layers, images)
    output.show({ trees }, () =>
      trees.length === 0 ? 'No image is published yet ("shoal image import").' : formatTrees(trees, images),
    )
    return EXIT.ok
  },
})

/** Bases that are distributed, with their middles; an image's own layer that a chain stands in for is not among them. */
export function treesOf(layers: readonly Layer[], images: readonly Image[]): LayerTree[] {
  const sizes = new Map(layers.map((layer) => [layer.digest, layer.sizeBytes]))
  const bases = layers.filter(
    ({ digest, kind }) =>
      kind === 'base' && (images.some(({ chain }) => chain[0] === digest) || isUnused(digest, images)),
  )
  return bases.map((layer) => {
    const middles = layers
      .filter(({ parent }) => parent === layer.digest)
      .map((middle) => {
        // A middle that was uploaded as one stands in for no layer.
        const own = images.find(({ chain }) => chain.includes(middle.digest))?.layer ?? middle.digest
        return { layer: middle, flatBytes: own === middle.digest ? 0 : (sizes.get(own) ?? 0) }
      })
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, layer.sizeBytes)
    return {
      layer,
      flatBytes: sum(middles.map((middle) => middle.flatBytes || middle.layer.sizeBytes)),
      storedBytes: sum(middles.map((middle) => middle.layer.sizeBytes)),
      middles,
    }
  })
}

function isUnused(digest: string, images: readonly Image[]): boolean {
  return !images.some(({ layer, chain }) => layer === digest || chain.includes(digest))
}

const columns: readonly Column<Row>[] = [
  { title: 'LAYER', value: (row) => row.name },
  { title: 'SIZE', align: 'right', value: ({ layer }) => formatBytes(layer.sizeBytes) },
  { title: 'AS ONE LAYER', align: 'right', value: ({ flatBytes }) => (flatBytes === 0 ? '' : formatBytes(flatBytes)) },
  {
    title: 'SAVES',
    align: 'right',
    value: ({ layer, flatBytes }) =>
      flatBytes === 0 ? '' : `${Math.round((1 - layer.sizeBytes / flatBytes) * 100)} %`,
  },
  { title: 'STATE', value: ({ layer }) => layer.state },
  { title: 'NODES', align: 'right', value: ({ layer }) => `${layer.nodesComplete} of ${layer.nodesAssigned}` },
  { title: 'IMAGES', value: ({ names }) => names },
]

function formatTrees(trees: readonly LayerTree[], images: readonly Image[]): string {
  const namesOf = (digest: string) =>
    images
      .filter(({ chain }) => chain.at(-1) === digest)
      .map(({ id, name }) => name ?? id)
      .join(' ')
  const rows = trees.flatMap(({ layer, middles }) => [
    { name: shortDigest(layer.digest), layer, flatBytes: 0, names: namesOf(layer.digest) },
    ...middles.map((middle, index) => ({
      name: `${index === middles.length - 1 ? '└─' : '├─'} ${shortDigest(middle.layer.digest)}`,
      ...middle,
      names: namesOf(middle.layer.digest),
    })),
  ])
  const flat = trees.reduce((total, tree) => total + tree.flatBytes, 0)
  const stored = trees.reduce((total, tree) => total + tree.storedBytes, 0)
  const saved = flat === 0 ? 0 : Math.round((1 - stored / flat) * 100)
  return `${formatTable(rows, columns)}\n${formatBytes(stored)} in place of ${formatBytes(flat)} (saves ${saved} %)`
}
