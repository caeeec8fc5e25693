import type { HealthCode, HealthReason } from '@shoal/api'
import type { FleetFacts } from './fleet-facts.ts'
import { STUCK_MS } from './node-trouble.ts'

/** Looks at the facts and says what is the matter: nothing, or a reason or more. */
export type HealthRule = (facts: FleetFacts) => readonly HealthReason[]

/** From this part of a limit on it is the limit that holds reading up. */
const LIMIT_SHARE = 0.9
/** A swarm of so many nodes feeds itself; a seed that sends more than this part of what they receive is overused. */
const SWARM_NODES = 5
const SEED_SHARE = 0.6
const SEED_LEAST_RATE = 1_000_000
/** This part of the nodes without heartbeats is no accident of single machines. */
const CRITICAL_SHARE = 0.1
/** Reasons of others are to have room. */
const MAX_SUSPECTS_TOLD = 10
const MAX_FLOODS_TOLD = 3

const library: HealthRule = ({ library: { reachable, rateBytesPerSecond, limitBytesPerSecond, importing } }) => {
  const subject = of('library')
  if (!reachable) {
    const message = 'The image library does not answer: what is imported goes on, new images cannot come.'
    return [{ code: 'library-unreachable', severity: 'critical', message, subject }]
  }
  const isAtLimit = limitBytesPerSecond !== null && rateBytesPerSecond >= limitBytesPerSecond * LIMIT_SHARE
  if (!isAtLimit || importing === 0) return []
  const message = `Reading the library is at its limit; ${plural(importing, 'import')} under way.`
  return [{ code: 'library-at-limit', severity: 'notice', message, subject }]
}

const imports: HealthRule = ({ failedImages }) => {
  const [first] = failedImages
  if (first === undefined) return []
  const others = failedImages.length > 1 ? ` (and ${failedImages.length - 1} more)` : ''
  const message = `The import of “${first.name}”${others} failed: ${first.message}`.slice(0, 1000)
  return [{ code: 'import-failed', severity: 'warning', message, subject: of('images', null, 'failed') }]
}

const nodes: HealthRule = ({ nodes: { total, troubled } }) => {
  if (total === 0) {
    const message = 'No node has registered: start the peer daemon on a compute node.'
    return [{ code: 'no-nodes', severity: 'warning', message, subject: of('nodes') }]
  }
  const reasons: HealthReason[] = []
  const tell = (code: HealthCode, filter: keyof typeof troubled, names: readonly string[], what: [string, string]) => {
    const [first] = names
    if (first === undefined) return
    const severity = names.length / total >= CRITICAL_SHARE && names.length > 1 ? 'critical' : 'warning'
    const message = names.length === 1 ? `Node ${first} ${what[0]}.` : `${names.length} nodes ${what[1]}.`
    reasons.push({ code, severity, message, subject: of('nodes', names.length === 1 ? first : null, filter) })
  }
  const {
    lost = [],
    disconnected = [],
    unreachable = [],
    failed = [],
    stuck = [],
    'no-source': noSource = [],
  } = troubled
  tell('nodes-lost', 'lost', lost, ['sends no heartbeats', 'send no heartbeats'])
  tell('nodes-lost', 'disconnected', disconnected, [
    'has lost its connection to the seed',
    'have lost their connection to the seed',
  ])
  tell('nodes-unreachable', 'unreachable', unreachable, ['cannot be reached by others', 'cannot be reached by others'])
  tell('layers-failed', 'failed', failed, ['gave a layer up', 'gave a layer up'])
  tell('nodes-stuck', 'stuck', stuck, [
    'gets nothing although it lacks something',
    'get nothing although they lack something',
  ])
  tell('nodes-stuck', 'no-source', noSource, [
    'finds nobody who has what it lacks',
    'find nobody who has what they lack',
  ])
  return reasons
}

const modes: HealthRule = ({ nodes: { draining, quarantined, suspects } }) => {
  const reasons: HealthReason[] = []
  for (const { node, reporters } of suspects.slice(0, MAX_SUSPECTS_TOLD)) {
    const message = `${plural(reporters, 'node')} got bad blocks from node ${node} lately: quarantine it, and look at its disk and memory.`
    reasons.push({ code: 'node-suspect', severity: 'warning', message, subject: of('nodes', node) })
  }
  const tell = (code: HealthCode, names: readonly string[], filter: string, what: [string, string]) => {
    const [first] = names
    if (first === undefined) return
    const message = names.length === 1 ? `Node ${first} ${what[0]}.` : `${names.length} nodes ${what[1]}.`
    reasons.push({
      code,
      severity: 'notice',
      message,
      subject: of('nodes', names.length === 1 ? first : null, filter),
    })
  }
  tell('nodes-quarantined', quarantined, 'quarantined', ['is in quarantine', 'are in quarantine'])
  tell('nodes-draining', draining, 'draining', ['drains or is drained', 'drain or are drained'])
  return reasons
}

const plans: HealthRule = ({ plans }) =>
  plans.flatMap(({ id, name, state, isLate, nodes: { total, ready, failed, excluded }, stillMs }): HealthReason[] => {
    const subject = of('plan', id)
    const called = `Plan “${name || id}”`
    if (state === 'partly-done') {
      const message = `${called} has reached ${ready} of ${total} nodes; ${failed + excluded} cannot have it now.`
      return [{ code: 'plan-incomplete', severity: 'warning', message, subject }]
    }
    if (state !== 'running') return []
    if (stillMs >= STUCK_MS) {
      const message = `${called} is stuck at ${ready} of ${total} nodes: nothing has moved for ${roughly(stillMs)}.`
      return [{ code: 'plan-stuck', severity: 'critical', message, subject }]
    }
    if (!isLate) return []
    return [{ code: 'plan-late', severity: 'warning', message: `${called} will miss its deadline.`, subject }]
  })

const seed: HealthRule = ({ traffic: { downBytesPerSecond, seedUpBytesPerSecond }, nodes: { fetching } }) => {
  const share = seedUpBytesPerSecond / Math.max(downBytesPerSecond, seedUpBytesPerSecond)
  if (fetching < SWARM_NODES || seedUpBytesPerSecond < SEED_LEAST_RATE || share < SEED_SHARE) return []
  const message = `The seed sends ${Math.round(share * 100)} % of what ${fetching} nodes receive: they hardly share.`
  return [{ code: 'seed-overused', severity: 'warning', message, subject: of('layer') }]
}

const trust: HealthRule = ({ recent, badSignatures }) => {
  const reasons: HealthReason[] = []
  const bans = (recent['peer.banned'] ?? 0) + (recent['layer.corrupt'] ?? 0)
  if (badSignatures > 0) {
    const message = `Nodes refused ${plural(badSignatures, 'manifest')} whose signature they do not trust.`
    reasons.push({ code: 'bad-signature', severity: 'critical', message, subject: of('events', null, 'layer.failed') })
  }
  if (bans > 0) {
    const message = `Bad blocks were found ${times(bans)} in the last ten minutes; none was kept.`
    reasons.push({ code: 'peers-banned', severity: 'warning', message, subject: of('events', null, 'peer.banned') })
  }
  return reasons
}

const floods: HealthRule = ({ floods, recent }) => {
  const ofNodes = recent['node.flooded'] ?? 0
  const reasons = floods.slice(0, MAX_FLOODS_TOLD).map(({ what, name, refusals, from }): HealthReason => {
    const others = from !== undefined && from.refusals * 2 < refusals ? ' and others' : ''
    const by = from === undefined ? '' : ` by ${from.address}${others}`
    const message = `The seed is flooded${by}: about ${thousands(refusals)} ${name} were refused within a minute.`
    return { code: 'flooded', severity: 'warning', message, subject: of('limits', null, what) }
  })
  if (ofNodes === 0) return reasons
  const message = `Floods of nodes began ${times(ofNodes)} in the last ten minutes: their bounds hold.`
  return [...reasons, { code: 'flooded', severity: 'warning', message, subject: of('events', null, 'node.flooded') }]
}

const cache: HealthRule = ({ nodes: { full, total } }) => {
  if (full === 0 || full / total < CRITICAL_SHARE) return []
  const message = `The caches of ${plural(full, 'node')} are more than nine tenths full.`
  return [{ code: 'cache-pressure', severity: 'notice', message, subject: of('nodes', null, 'full') }]
}

const boots: HealthRule = ({ boots: { failed }, recent }) => {
  const reasons: HealthReason[] = []
  const subject = of('boots')
  const failedReads = recent['boot.failed-read'] ?? 0
  if (failed + failedReads > 0) {
    const disks = failed > 0 ? [`${plural(failed, 'disk')} of VMs cannot be served`] : []
    const reads = failedReads > 0 ? [`reads of VMs failed ${times(failedReads)} in the last ten minutes`] : []
    const message = sentence([...disks, ...reads].join('; '))
    reasons.push({ code: 'boots-failed', severity: 'critical', message, subject })
  }
  const stalls = recent['boot.stalled'] ?? 0
  if (stalls > 0) {
    const message = `VMs waited for a block ${times(stalls)} in the last ten minutes.`
    reasons.push({ code: 'boots-stalled', severity: 'warning', message, subject })
  }
  return reasons
}

/** Every rule; the order is that of equally bad reasons. */
export const healthRules: readonly HealthRule[] = [
  library,
  boots,
  nodes,
  modes,
  plans,
  trust,
  floods,
  seed,
  imports,
  cache,
]

function of(kind: HealthReason['subject']['kind'], id: string | null = null, filter: string | null = null) {
  return { kind, id, filter }
}

/** To two digits: a sentence that changes all the time is read out all the time. */
function thousands(count: number): string {
  return Number(count.toPrecision(2)).toLocaleString('en-US')
}

/** Not to the second: a sentence that changes all the time is read out all the time. */
function roughly(ms: number): string {
  return ms < 60_000 ? `${Math.floor(ms / 10_000) * 10} s` : plural(Math.floor(ms / 60_000), 'minute')
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
