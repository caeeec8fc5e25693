import { useFleet } from '../fleet/fleet-context.ts'
import { shortDigest } from '../format/names.ts'

/** A layer by the image that it is of, if there is one, and the beginning of its digest. */
export function LayerName({ digest }: { digest: string }) {
  const layer = useFleet((fleet) => fleet.layers.get(digest))
  const image = useFleet((fleet) => fleet.images.get(layer?.images[0] ?? ''))
  const others = (layer?.images.length ?? 0) > 1 ? ` +${(layer?.images.length ?? 1) - 1}` : ''
  return (
    <span title={digest}>
      {image === undefined ? '' : `${image.name ?? image.id}${others} `}
      <code>{shortDigest(digest)}</code>
    </span>
  )
}
