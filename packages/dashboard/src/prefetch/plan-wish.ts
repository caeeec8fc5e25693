import type { ImageForm, PrefetchRequest } from '@shoal/api'

/** What the form of a new plan holds: texts as they were typed. */
export interface PlanWish {
  readonly name: string
  readonly images: readonly string[]
  readonly form: ImageForm
  readonly target: 'all' | 'place' | 'vms' | 'nodes'
  readonly zone: string
  readonly rack: string
  readonly aggregate: string
  readonly vms: string
  readonly vmsPerNode: string
  readonly nodes: string
  /** From now. */
  readonly deadlineMinutes: string
  readonly limitMib: string
  readonly priority: string
}

export const EMPTY_WISH: PlanWish = {
  name: '',
  images: [],
  form: 'boot',
  target: 'all',
  zone: '',
  rack: '',
  aggregate: '',
  vms: '100',
  vmsPerNode: '1',
  nodes: '',
  deadlineMinutes: '',
  limitMib: '',
  priority: '50',
}

const MIB = 1024 ** 2

/** What is wrong with a wish, for people; undefined when it can be asked for. */
export function wishFault(wish: PlanWish): string | undefined {
  if (wish.images.length === 0) return 'Choose at least one image.'
  if (wish.target === 'place' && [wish.zone, wish.rack, wish.aggregate].every((text) => text.trim() === '')) {
    return 'Name a zone, a rack or an aggregate.'
  }
  if (wish.target === 'vms' && !isWhole(wish.vms, 1)) return 'Say how many VMs there will be.'
  if (wish.target === 'vms' && !isWhole(wish.vmsPerNode, 1)) return 'Say how many VMs one node may get.'
  if (wish.target === 'nodes' && nodeNames(wish).length === 0) return 'Name at least one node.'
  if (wish.deadlineMinutes.trim() !== '' && !(Number(wish.deadlineMinutes) > 0))
    return 'The deadline is not a number of minutes.'
  if (wish.limitMib.trim() !== '' && !(Number(wish.limitMib) > 0)) return 'The limit is not a number of MiB/s.'
  if (!isWhole(wish.priority, 0) || Number(wish.priority) > 100) return 'The priority is a number from 0 to 100.'
  return undefined
}

/** A wish as the API takes it. */
export function toRequest(wish: PlanWish, now: number): PrefetchRequest {
  const { name, images, deadlineMinutes, limitMib, priority } = wish
  const deadline =
    deadlineMinutes.trim() === '' ? undefined : new Date(now + Number(deadlineMinutes) * 60_000).toISOString()
  const limit = limitMib.trim() === '' ? undefined : Math.round(Number(limitMib) * MIB)
  return {
    ...(name.trim() === '' ? {} : { name: name.trim() }),
    images: images.map((image) => ({ image, ...(wish.form === 'boot' ? {} : { form: wish.form }), ...targetOf(wish) })),
    priority: Number(priority),
    ...(deadline === undefined ? {} : { deadline }),
    ...(limit === undefined ? {} : { limits: { bytesPerSecond: limit } }),
  }
}

function targetOf(wish: PlanWish): Omit<PrefetchRequest['images'][number], 'image'> {
  if (wish.target === 'vms') return { vms: Number(wish.vms), vmsPerNode: Number(wish.vmsPerNode) }
  if (wish.target === 'nodes') return { nodes: nodeNames(wish) }
  if (wish.target === 'all') return { all: true }
  const places = { zone: wish.zone.trim(), rack: wish.rack.trim(), aggregate: wish.aggregate.trim() }
  return Object.fromEntries(Object.entries(places).filter(([, text]) => text !== ''))
}

function nodeNames({ nodes }: PlanWish): string[] {
  return [...new Set(nodes.split(/[\s,]+/).filter((name) => name !== ''))]
}

function isWhole(text: string, least: number): boolean {
  return /^\d+$/.test(text.trim()) && Number(text) >= least
}
