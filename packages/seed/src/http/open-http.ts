import { join } from 'node:path'
import type { Clock, Logger } from '@shoal/core'
import { createHttpService, type HttpService } from '@shoal/service'
import type { SeedConfig } from '../config.ts'
import { servePages } from '../dashboard/serve-pages.ts'
import type { SeedParts } from '../seed-parts.ts'
import { LayerGrants } from '../trust/layer-grants.ts'
import { ManifestSigner } from '../trust/manifest-signer.ts'
import { VERSION } from '../version.ts'
import { addAccessRoutes } from './access-routes.ts'
import { addAssignmentRoutes } from './assignment-routes.ts'
import { addBootProfileRoutes } from './boot-profile-routes.ts'
import { addBootRoutes } from './boot-routes.ts'
import { addDashboardRoutes } from './dashboard-routes.ts'
import { addEventRoutes } from './event-routes.ts'
import { addImageRoutes } from './image-routes.ts'
import { addKeyRoutes } from './key-routes.ts'
import { addLayerRoutes } from './layer-routes.ts'
import { addLimitRoutes } from './limit-routes.ts'
import { addNodeRoutes, type NodeRoutesDeps } from './node-routes.ts'
import { addPlacementRoutes } from './placement-routes.ts'
import { addPrefetchRoutes } from './prefetch-routes.ts'
import { addRuleRoutes } from './rule-routes.ts'
import { addSessionRoutes } from './session-routes.ts'
import { statusByCode } from './status-by-code.ts'
import { addStatusRoutes } from './status-routes.ts'
import { addTrustRoutes } from './trust-routes.ts'

/** Nothing of it is imported: the pages are files, which `npm run build` makes. */
const BUILT_DASHBOARD = join(import.meta.dirname, '../../../dashboard/dist')
/** A heartbeat of 4,096 layers is the largest body. */
const BODY_LIMIT_BYTES = 4 * 1024 ** 2
const DHT_NODES_TOLD = 16

/** The seed's API and pages, not yet listening. */
export async function openHttp(
  config: SeedConfig,
  parts: SeedParts,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<HttpService> {
  const { health, state, trust, keys, access, prefetch, dashboard } = parts
  const { tokens, credentials, sessions, audit, cloud, rights } = access
  health.register('state', async () => void (await state.get('seed/revision')))
  const http = await createHttpService(
    { ...parts, logger: logger.child({ component: 'http' }) },
    {
      ...{ name: 'shoal-seed', version: VERSION, ...config.listen },
      ...{ tokens, credentials, sessions, cloud: cloud?.callers, cloudSessions: cloud?.signIn.sessions },
      audit: (fact) => audit.note(fact),
      nodes: trust?.listener,
      openapi: {
        title: 'Shoal seed',
        description: 'Fronts the image library: imports images, publishes layers and says which node should hold them.',
      },
      ...{ bodyLimitBytes: BODY_LIMIT_BYTES, statusByCode },
    },
  )
  const { app } = http
  const grants = new LayerGrants(clock, () => keys.privateKey)
  addImageRoutes(app, { ...parts, rights })
  addLayerRoutes(app, { ...parts, rights, grants, signer: new ManifestSigner(keys) })
  addNodeRoutes(app, { ...parts, ...nodeAnswers(config, parts, clock) })
  addAssignmentRoutes(app, { ...parts, rights })
  addBootRoutes(app, { ...parts, ...access })
  addBootProfileRoutes(app, parts)
  addTrustRoutes(app, parts)
  addKeyRoutes(app, parts)
  addLimitRoutes(app, parts)
  addPlacementRoutes(app, { ...parts.placement, rights, looks: parts.looks })
  addPrefetchRoutes(app, { ...prefetch, rights, looks: parts.looks })
  addRuleRoutes(app, { rights, rules: prefetch.rules, showPlan: (plan) => prefetch.reader.show(plan) })
  addEventRoutes(app, parts)
  addStatusRoutes(app, parts)
  addDashboardRoutes(app, { ...dashboard, registry: parts.registry, clock })
  addSessionRoutes(app, { ...parts, sessions, credentials, cloud: cloud?.signIn, clock })
  addAccessRoutes(app, { tokens: credentials, audit })
  if (config.dashboard.enabled) {
    await servePages(app, { directory: config.dashboard.directory ?? BUILT_DASHBOARD })
  }
  return http
}

/** What nodes are told, and who hears what they tell. */
function nodeAnswers(
  config: SeedConfig,
  { keys, trust, dhtKeys, registry, swarm, announceUrls, prefetch, dashboard }: SeedParts,
  clock: Clock,
): Pick<NodeRoutesDeps, 'trust' | 'onReport' | 'onRemoved' | 'enrollment'> {
  const keysOfDht = () => dhtKeys && { dhtKeys: [...dhtKeys.keys] }
  return {
    trust: () => ({
      keys: keys.statements.length,
      ...(trust && { revocations: trust.revocations.list.revision }),
      ...keysOfDht(),
    }),
    onReport: (node, inventory) => {
      prefetch.runs.onReport(node, inventory)
      dashboard.survey.note(node, inventory, clock.now())
      dashboard.arrivals.note(node, inventory)
    },
    onRemoved: (node) => {
      prefetch.runs.onRemoved(node)
      dashboard.survey.forget(node)
    },
    enrollment: (node) => ({
      heartbeatIntervalMs: config.nodes.heartbeatIntervalMs,
      publicKeys: [...keys.trusted],
      trackers: [...announceUrls],
      dhtBootstrap: [
        ...(swarm.dhtAddress === null ? [] : [swarm.dhtAddress]),
        ...registry.dhtAddresses({ except: node, limit: DHT_NODES_TOLD }),
      ],
      ...keysOfDht(),
      originAddress: swarm.address,
    }),
  }
}
