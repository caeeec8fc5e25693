import type { KeyObject } from 'node:crypto'
import type { Clock, Logger } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import { LAYER_FORMAT } from '@shoal/qcow2'
import type { StateStore } from '@shoal/state'
import type { Swarm } from '@shoal/swarm'
import { Narrowing } from '../access/narrowing.ts'
import type { SeedConfig } from '../config.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { FleetLimits } from '../fleet-limits.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { ImageLooks } from '../images/image-looks.ts'
import { LibraryWatcher } from '../images/library-watcher.ts'
import { Publication } from '../images/publication.ts'
import { BaseChoice } from '../layers/base-choice.ts'
import { LayerWorker } from '../layers/layer-worker.ts'
import { Layerings } from '../layers/layerings.ts'
import type { LibraryAccess } from '../library-access.ts'
import type { LibraryReads } from '../library-reads.ts'
import { Middles } from '../middles/middles.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import { directoryCertificates, keyManagerCertificates } from '../signatures/certificate-source.ts'
import { ImageSignatures } from '../signatures/image-signatures.ts'
import { SignatureReview } from '../signatures/signature-review.ts'
import type { ImportJournal } from './import-journal.ts'
import type { ImportObserver } from './import-runner.ts'
import { Importer } from './importer.ts'

export interface ImportsDeps {
  readonly state: StateStore
  readonly journal: EventJournal
  readonly catalogue: Catalogue
  readonly assignments: Assignments
  readonly registry: NodeRegistry
  readonly imports: ImportJournal
  readonly store: LayerStore
  readonly swarm: Swarm
  readonly limits: FleetLimits
  readonly library: LibraryAccess
  readonly reads: LibraryReads
  readonly observer: ImportObserver
  /** An image was published, and its import is over. */
  readonly onPublished: (image: string) => void
  readonly clock: Clock
  readonly logger: Logger
}

export interface ImportsOptions {
  readonly config: Pick<SeedConfig, 'images' | 'imports' | 'layers' | 'library'>
  /** Signs what is made from now on. */
  readonly privateKey: () => KeyObject
  readonly announceUrls: readonly string[]
}

/** How images become layers that nodes may fetch. */
export interface Imports {
  readonly publication: Publication
  readonly layerings: Layerings
  readonly importer: Importer
  readonly review: SignatureReview
  readonly watcher: LibraryWatcher
  readonly looks: ImageLooks
}

/** Time between two syncs of an import: what a crash may cost. Bytes. */
const DURABLE_BYTES = 16 * 1024 ** 2

/** Builds what follows the library and imports from it. Nothing runs yet. */
export function openImports(deps: ImportsDeps, { config, privateKey, announceUrls }: ImportsOptions): Imports {
  const { state, journal, catalogue, assignments, registry, imports, store, swarm, library, clock } = deps
  const component = (name: string) => deps.logger.child({ component: name })
  const startWorker = (image: string) => new LayerWorker(image)
  const announce = () => [...announceUrls]
  const publication = new Publication({
    ...{ catalogue, assignments, journal, imports, store, swarm },
    logger: component('layers'),
  })
  const layerings = new Layerings(
    {
      ...{ catalogue, store, journal, startWorker, clock, publisher: publication },
      bases: new BaseChoice({ catalogue, store, state }),
      logger: component('layers'),
    },
    { ...config.layers, format: LAYER_FORMAT, privateKey, announce },
  )
  const signatures = imageSignatures(deps, config.images.signatures)
  const importer = new Importer(
    {
      ...{ signatures, store, journal, imports, catalogue, clock },
      source: library.client,
      publisher: {
        publish: async (job, manifest, adopt) => {
          await publication.publish(job, manifest, adopt)
          void layerings.consider(job.image)
          void importer.settled(job.image).then(() => deps.onPublished(job.image))
        },
        discard: (digest) => publication.discard(digest),
      },
      middles: new Middles({ catalogue, store, startWorker }),
      bucket: deps.limits.library,
      logger: component('import'),
      observer: deps.reads.countFor(deps.observer),
    },
    { ...config.imports, limits: config.images, durableBytes: DURABLE_BYTES, privateKey, announce },
  )
  const review = new SignatureReview({
    ...{ signatures, catalogue, journal, store, publication, layerings, observer: deps.observer },
    logger: component('signatures'),
  })
  const watcher = new LibraryWatcher(
    {
      ...{ catalogue, journal, importer, publication, review, clock, library: library.client },
      narrowing: new Narrowing({ catalogue, assignments, registry }),
      logger: component('watcher'),
    },
    { ...config.library, rules: config.imports.rules },
  )
  const looks = new ImageLooks({ catalogue, watcher, clock })
  return { publication, layerings, importer, review, watcher, looks }
}

function imageSignatures(
  { library, clock, logger }: Pick<ImportsDeps, 'library' | 'clock' | 'logger'>,
  settings: SeedConfig['images']['signatures'],
): ImageSignatures {
  const { certificateDirectory: directory } = settings
  const certificates =
    directory === null ? keyManagerCertificates(library.keyManager) : directoryCertificates(directory)
  return new ImageSignatures({ certificates, clock, logger: logger.child({ component: 'signatures' }) }, settings)
}
