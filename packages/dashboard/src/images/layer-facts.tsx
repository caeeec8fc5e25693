import type { Layer } from '@shoal/api'
import { Link } from 'wouter'
import { formatBytes, formatCount } from '../format/quantity.ts'
import { Facts } from '../parts/facts.tsx'
import { ImageName } from './image-name.tsx'
import { LayerName } from './layer-name.tsx'

export function LayerFacts({ layer }: { layer: Layer }) {
  const { digest, kind, parent, images, sizeBytes, virtualSizeBytes, blockLengthBytes, pieceLengthBytes } = layer
  return (
    <Facts
      facts={[
        [
          'Digest',
          <code key="digest" className="shoal-digest">
            {digest}
          </code>,
        ],
        ['Kind', `${kind}, ${layer.format}, ${layer.state}`],
        [
          'Below it',
          parent === null ? (
            'nothing'
          ) : (
            <Link key="parent" href={`/layers/${encodeURIComponent(parent)}`}>
              <LayerName digest={parent} />
            </Link>
          ),
        ],
        [
          'Images',
          images.length === 0
            ? 'none'
            : images.map((id) => (
                <div key={id}>
                  <ImageName id={id} />
                </div>
              )),
        ],
        ['Size', `${formatBytes(sizeBytes)}; a VM sees ${formatBytes(virtualSizeBytes)}`],
        ['Block / piece', `${formatBytes(blockLengthBytes)} / ${formatBytes(pieceLengthBytes)}`],
        [
          'Nodes',
          `${formatCount(layer.nodesComplete)} have all of it, ${formatCount(layer.nodesPartial)} a part, ${formatCount(layer.nodesAssigned)} want it`,
        ],
        ['Seed copies', `${layer.seedCopies.toFixed(2)} (${formatBytes(layer.uploadedBytes)} sent)`],
      ]}
    />
  )
}
