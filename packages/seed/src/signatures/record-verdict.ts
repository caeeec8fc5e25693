import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { ImageRecord } from '../images/image-record.ts'

/** Makes a record durable with the event that tells what was found of its signature. */
export async function recordVerdict(
  { catalogue, journal }: { catalogue: Catalogue; journal: EventJournal },
  record: ImageRecord,
): Promise<void> {
  await journal.append(told(record), [catalogue.putImage(record)])
}

function told({ image: { id: image, name, properties }, signature }: ImageRecord): EventDraft[] {
  if (signature === null) return []
  const { state, subject, error } = signature
  const certificate = properties.img_signature_certificate_uuid?.slice(0, 40) ?? null
  if (state === 'verified') {
    const message = `The bytes of image ${name ?? image} have its signature.`
    return [{ type: 'image.signature-verified', image, message, details: { certificate, subject } }]
  }
  const details = { certificate, code: error?.code ?? null }
  const message = error?.message ?? `The signature of image ${name ?? image} is refused.`
  return [{ type: 'image.signature-refused', image, message, details }]
}
