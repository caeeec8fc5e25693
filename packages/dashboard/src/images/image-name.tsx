import { useFleet } from '../fleet/fleet-context.ts'

/** The name of an image in the library, or its id. */
export function ImageName({ id }: { id: string }) {
  const image = useFleet((fleet) => fleet.images.get(id))
  return <span title={id}>{image?.name ?? id}</span>
}
