/** A link with a rate that flows share. */
export interface Link {
  readonly bytesPerSecond: number
}

interface Job {
  leftBytes: number
  readonly done: () => void
}

/** What one node sends another: its jobs go one after the other. */
export class Flow {
  readonly links: readonly Link[]
  readonly jobs: Job[] = []
  bytesPerSecond = 0

  constructor(links: readonly Link[]) {
    this.links = links
  }
}

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/**
 * Time and links of a simulated swarm: events in order, and flows that share links max-min fairly, as TCP connections nearly do
 * (Bertsekas and Gallager, "Data Networks", 6.5.2).
 */
export class SimulatedNetwork {
  now = 0
  readonly #events: Event[] = []
  readonly #active = new Set<Flow>()
  #order = 0
  #isStale = false

  /** Runs a callback `delayMs` from now. */
  after(delayMs: number, run: () => void): void {
    this.#order += 1
    push(this.#events, { at: this.now + delayMs, order: this.#order, run })
  }

  send(flow: Flow, bytes: number, done: () => void): Job {
    const job = { leftBytes: bytes, done }
    flow.jobs.push(job)
    if (flow.jobs.length === 1) this.#activate(flow)
    return job
  }

  /** Takes back what is not sent yet. */
  cancel(flow: Flow, job: Job): void {
    const index = flow.jobs.indexOf(job)
    if (index > 0) flow.jobs.splice(index, 1)
  }

  /** Ends a flow and all it was to send. */
  cut(flow: Flow): void {
    flow.jobs.length = 0
    if (this.#active.delete(flow)) this.#isStale = true
  }

  /** Runs until `isDone`, or until `untilMs`. */
  run(isDone: () => boolean, untilMs: number): void {
    while (!isDone() && this.now < untilMs) {
      if (this.#isStale) this.#share()
      const event = this.#events[0]
      const { flow, at } = this.#firstToEnd()
      if (flow === undefined && event === undefined) return
      const next = Math.min(at, event?.at ?? Number.POSITIVE_INFINITY)
      this.#progress(next - this.now)
      this.now = next
      if (flow !== undefined && at <= (event?.at ?? Number.POSITIVE_INFINITY)) this.#end(flow)
      else pop(this.#events)?.run()
    }
  }

  #activate(flow: Flow): void {
    this.#active.add(flow)
    this.#isStale = true
  }

  #firstToEnd(): { flow: Flow | undefined; at: number } {
    let first: Flow | undefined
    let at = Number.POSITIVE_INFINITY
    for (const flow of this.#active) {
      const end = this.now + ((flow.jobs[0]?.leftBytes ?? 0) * 1000) / flow.bytesPerSecond
      if (end >= at) continue
      first = flow
      at = end
    }
    return { flow: first, at }
  }

  #progress(ms: number): void {
    for (const flow of this.#active) {
      const [job] = flow.jobs
      if (job !== undefined) job.leftBytes -= (flow.bytesPerSecond * ms) / 1000
    }
  }

  #end(flow: Flow): void {
    const job = flow.jobs.shift()
    if (flow.jobs.length === 0) {
      this.#active.delete(flow)
      this.#isStale = true
    }
    job?.done()
  }

  /** Progressive filling: the link with the smallest share fixes its flows' rates first. */
  #share(): void {
    this.#isStale = false
    const links = new Map<Link, { left: number; flows: Set<Flow> }>()
    for (const flow of this.#active) {
      for (const link of flow.links) {
        const state = links.get(link) ?? { left: link.bytesPerSecond, flows: new Set() }
        state.flows.add(flow)
        links.set(link, state)
      }
    }
    for (let left = this.#active.size; left > 0; ) {
      let narrowest: { left: number; flows: Set<Flow> } | undefined
      for (const state of links.values()) {
        if (state.flows.size === 0) continue
        if (narrowest === undefined || state.left / state.flows.size < narrowest.left / narrowest.flows.size)
          narrowest = state
      }
      if (narrowest === undefined) return
      const share = narrowest.left / narrowest.flows.size
      for (const flow of [...narrowest.flows]) {
        flow.bytesPerSecond = share
        left -= 1
        for (const link of flow.links) {
          const state = links.get(link)
          if (state === undefined) continue
          state.left -= share
          state.flows.delete(flow)
        }
      }
    }
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function push(heap: Event[], event: Event): void {
  let index = heap.push(event) - 1
  while (index > 0) {
    const parent = (index - 1) >> 1
    const above = heap[parent]
    if (above === undefined || !isBefore(event, above)) break
    heap[index] = above
    heap[parent] = event
    index = parent
  }
}

function pop(heap: Event[]): Event | undefined {
  const [first] = heap
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return first
  let index = 0
  for (;;) {
    let child = index * 2 + 1
    const left = heap[child]
    const right = heap[child + 1]
    if (left === undefined) break
    if (right !== undefined && isBefore(right, left)) child += 1
    const least = heap[child]
    if (least === undefined || !isBefore(least, last)) break
    heap[index] = least
    index = child
  }
  heap[index] = last
  return first
}
