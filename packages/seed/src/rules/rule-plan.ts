import type { PrefetchRequest } from '@shoal/api'
import type { ImageRecord } from '../images/image-record.ts'
import type { RuleIntent, RuleRecord } from './rule-record.ts'

const MAX_NAME = 100

/** The plan that a rule makes of images, of which there is at least one. */
export function intentOf(
  { name, request, plans }: RuleRecord,
  images: readonly ImageRecord[],
  { nowMs, handled }: { nowMs: number; handled: readonly string[] },
): RuleIntent {
  const { target, form, priority, weight, limits, deadlineSeconds, pinnedSeconds } = request
  const at = new Date(nowMs).toISOString()
  const later = (seconds: number) => new Date(nowMs + seconds * 1000).toISOString()
  const plan: PrefetchRequest = {
    name: planName(name, images),
    images: images.map(({ image }) => ({ image: image.id, ...(form === undefined ? {} : { form }), ...target })),
    ...(priority === undefined ? {} : { priority }),
    ...(weight === undefined ? {} : { weight }),
    ...(limits === undefined ? {} : { limits }),
    ...(deadlineSeconds === undefined ? {} : { deadline: later(deadlineSeconds) }),
    ...(pinnedSeconds === undefined ? {} : { pinnedUntil: later(pinnedSeconds) }),
  }
  // With the count, a rule that is asked to act twice in a millisecond does act twice.
  return { at, key: `rule:${name}@${at}#${plans}`, request: plan, handled }
}

function planName(rule: string, images: readonly ImageRecord[]): string {
  const [first] = images.map(({ image }) => image.name ?? image.id)
  const more = images.length > 1 ? ` and ${images.length - 1} more` : ''
  return `${`${rule}: ${first}`.slice(0, MAX_NAME - more.length).toWellFormed()}${more}`
}
