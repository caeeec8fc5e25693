import type { PlacementAnswer, PlacementRequest } from '@shoal/api'
import type { Digest } from '@shoal/core'
import { fileWhereLess, type JointPlacement, layersOn, type PlacementProblem } from '@shoal/scheduler'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { checkActive } from '../imports/import-image.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import { layerToCome } from '../prefetch/plan-demands.ts'
import type { CacheLook, FleetCaches, KnownLayer } from './fleet-caches.ts'
import { imageForms } from './image-forms.ts'
import { checkRequest, describeNodes, nodeTest } from './placement-request.ts'
import type { PlacementSolver } from './placement-solver.ts'

export interface VmPlacesDeps {
  readonly catalogue: Pick<Catalogue, 'image' | 'layer'>
  readonly registry: Pick<NodeRegistry, 'has'>
  readonly caches: Pick<FleetCaches, 'look' | 'isHeld'>
  readonly solver: Pick<PlacementSolver, 'solve'>
}

/** What VMs of an image can be started from: its chain and, where some node has of it, its own file. */
interface Forms {
  readonly chain: readonly KnownLayer[]
  readonly file?: KnownLayer
}

/** What a VM on a node with one VM more is worth in images that have to be fetched. */
const USUAL_SPREAD = 0.85
/** A VM that waits for a layer is as bad as half of fetching it once more (bench/scheduling). */
const WAIT_SHARE = 0.5
/** A node that is busy through and through counts as if it had so many VMs more. */
const BUSY_AS_VMS = 2

/** Says where VMs of several images would start with the fewest bytes moved. Changes nothing. */
export class VmPlaces {
  readonly #deps: VmPlacesDeps

  constructor(deps: VmPlacesDeps) {
    this.#deps = deps
  }

  /**
   * Throws `SHOAL_PLACEMENT_*`, `SHOAL_NODE_UNKNOWN`, and `SHOAL_IMAGE_*` for images that no VM can be started of. One
   * that is not imported yet is taken for a layer of its size that nobody has.
   */
  async place(request: PlacementRequest): Promise<PlacementAnswer> {
    const { registry, caches, solver } = this.#deps
    checkRequest(request)
    for (const { node } of request.nodes ?? []) {
      if (!registry.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
    }
    const forms = request.images.map(({ image }) => this.#formsOf(image))
    const used = forms.flatMap(({ chain, file }) => (file === undefined ? chain : [...chain, file]))
    const layers = [...new Map(used.map((layer) => [layer.digest, layer])).values()]
    const look = await caches.look(layers, nodeTest(request))
    if (look.nodes.length === 0) throw seedError('SHOAL_PLACEMENT_NO_NODES', { reason: describeNodes(request) })
    const problem = problemOf(request, { forms, layers, look })
    const solved = await solver.solve(problem)
    return answerOf(request, { layers, look, problem, solved })
  }

  #formsOf(image: string): Forms {
    const { caches, catalogue } = this.#deps
    const record = catalogue.image(image)
    if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
    checkActive(image, record.deletedAt === null ? record.image : undefined)
    const { chain, file } = imageForms(record, catalogue)
    if (chain.length === 0) return { chain: [layerToCome(image, record.image.sizeBytes ?? 0)] }
    return file !== undefined && caches.isHeld(file.digest as Digest) ? { chain, file } : { chain }
  }
}

function problemOf(
  { images, nodes = [], vmsPerNode, spread = USUAL_SPREAD }: PlacementRequest,
  { forms, layers, look }: { forms: readonly Forms[]; layers: readonly KnownLayer[]; look: CacheLook },
): PlacementProblem {
  const numbers = new Map(layers.map(({ digest }, number) => [digest, number]))
  const numberOf = ({ digest }: KnownLayer) => numbers.get(digest) ?? 0
  const costs = layers.map(({ digest }) => look.costs.get(digest) ?? new Float64Array(look.nodes.length))
  const chains = forms.map(({ chain }) => chain.map(numberOf))
  const rowsOf = (chain: readonly number[]) => chain.flatMap((layer) => costs[layer] ?? [])
  const said = new Map(nodes.map((one) => [one.node, one]))
  const vms = images.map((wanted) => wanted.vms)
  const all = vms.reduce((sum, count) => sum + count, 0)
  const fullCost = forms.reduce((sum, { chain }, image) => {
    return sum + (vms[image] ?? 0) * chain.reduce((cost, { digest }) => cost + (look.fullCosts.get(digest) ?? 0), 0)
  }, 0)
  return {
    vms,
    chains,
    others: forms.map(({ file }, image) => {
      const row = file === undefined ? undefined : costs[numberOf(file)]
      if (file === undefined || row === undefined) return undefined
      return fileWhereLess(rowsOf(chains[image] ?? []), row, numberOf(file))
    }),
    costs,
    slots: Int32Array.from(look.nodes, ({ id }) => said.get(id)?.vms ?? vmsPerNode ?? all),
    loads: Float64Array.from(look.nodes, ({ id, inventory }, node) => {
      return said.get(id)?.load ?? (inventory?.load1 ?? 0) + BUSY_AS_VMS * (look.busy[node] ?? 0)
    }),
    spreadCost: spread * (fullCost / all),
    waitShare: WAIT_SHARE,
  }
}

function answerOf(
  { images }: PlacementRequest,
  {
    layers,
    look,
    problem,
    solved,
  }: { layers: readonly KnownLayer[]; look: CacheLook; problem: PlacementProblem; solved: JointPlacement },
): PlacementAnswer {
  const missingOf = (layer: Digest, node: number) => look.missing.get(layer)?.[node] ?? 0
  const fetched = new Map<Digest, Set<number>>()
  const totals = new Map<number, number>()
  const placements = solved.groups.map(({ image, node, vms }) => {
    const needed = layersOn(problem, image, node).flatMap((layer) => layers[layer] ?? [])
    for (const { digest } of needed) fetched.set(digest, (fetched.get(digest) ?? new Set()).add(node))
    totals.set(node, (totals.get(node) ?? 0) + vms)
    const missingBytes = needed.reduce((sum, { digest }) => sum + missingOf(digest, node), 0)
    return { image: images[image]?.image ?? '', node: look.nodes[node]?.id ?? '', vms, missingBytes }
  })
  let missingBytes = 0
  for (const [layer, nodes] of fetched) for (const node of nodes) missingBytes += missingOf(layer, node)
  return {
    placements,
    unplaced: images.flatMap(({ image }, number) => {
      const vms = solved.unplaced[number] ?? 0
      return vms > 0 ? [{ image, vms }] : []
    }),
    nodesConsidered: look.nodes.length,
    nodesUsed: totals.size,
    missingBytes,
    mostLoaded: Math.max(0, ...[...totals].map(([node, vms]) => (problem.loads[node] ?? 0) + vms)),
    isOptimal: solved.isOptimal,
    gap: solved.cost === 0 ? 0 : Math.max(0, 1 - solved.lowerBound / solved.cost),
  }
}
