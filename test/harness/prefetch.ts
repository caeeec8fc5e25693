import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Plan, PlanState, PrefetchRequest } from '@shoal/api'
import { type Cluster, type ClusterOptions, createCluster } from './cluster.ts'
import { writeRandomRaw } from './test-images.ts'
import { undoAfter } from './undo.ts'
import { until } from './until.ts'

const MIB = 1024 ** 2

/** A running cluster whose library has images of some sizes, and the files of those. Ids are in the order of the sizes. */
export async function startPrefetchCluster(
  t: TestContext,
  options: Omit<ClusterOptions, 'library'> & { readonly imagesMib: readonly number[]; readonly library?: object },
): Promise<{ cluster: Cluster; images: string[]; files: string[] }> {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const files = options.imagesMib.map((_, index) => join(directory, `disk${index}.raw`))
  for (const [index, sizeMib] of options.imagesMib.entries()) {
    await writeRandomRaw(files[index] ?? '', sizeMib * MIB, index + 1)
  }
  const { imagesMib, library = {}, ...rest } = options
  const cluster = await createCluster(undo, { ...rest, library: { ...library, directory } })
  await cluster.startSeed()
  await cluster.startPeers()
  const images = await until('the images are known', async () => {
    const known = (await cluster.client.listImages()).images
    const ids = imagesMib.flatMap((_, index) => known.find(({ name }) => name === `disk${index}`)?.id ?? [])
    return ids.length === imagesMib.length ? ids : undefined
  })
  return { cluster, images, files }
}

/** Starts a plan; its id. */
export async function startPlan({ client }: Cluster, body: PrefetchRequest): Promise<string> {
  const { id } = await client.createPrefetch({ body })
  return id ?? ''
}

/** Waits until a plan is in a state, or fits. */
export function planWhen(
  cluster: Cluster,
  plan: string,
  wanted: PlanState | ((plan: Plan) => boolean),
  timeoutMs = 90_000,
): Promise<Plan> {
  return until(
    `plan ${plan} is as wanted`,
    async () => {
      const shown = await cluster.client.showPrefetch({ params: { plan } })
      if (typeof wanted === 'string' ? shown.state === wanted : wanted(shown)) return shown
      throw new Error(`it is ${shown.state}: ${JSON.stringify({ ...shown.progress, error: shown.error?.message })}`)
    },
    { timeoutMs, everyMs: 100 },
  )
}
