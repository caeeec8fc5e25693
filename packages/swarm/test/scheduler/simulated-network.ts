/** A link with a rate that flows share. */
export class Link {
  readonly bytesPerSecond: number
  /** Only while shares are worked out: what is not given away yet, and to how many flows it goes. */
  leftBytesPerSecond = 0
  flowsLeft = 0
  readonly flows: Flow[] = []

  constructor(bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond
  }
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
  /** When the first job was as far as it says, and when it ends if nothing changes. */
  sinceMs = 0
  endsAtMs = Number.POSITIVE_INFINITY
  /** Only while shares are worked out. */
  hasShare = false

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
  readonly #busy: Link[] = []
  #order = 0
  #isStale = false

  /** Runs a callback `delayMs` from now. */
  after(delayMs: number, run: () => void): void {
    this.#order += 1
    push(this.#events, { at: this.now + delayMs, order: this.#order, run })
  }

  /** Returns what takes it back, as long as it has not begun. */
  send(flow: Flow, bytes: number, done: () => void): () => void {
    const job = { leftBytes: bytes, done }
    flow.jobs.push(job)
    if (flow.jobs.length === 1) this.#begin(flow)
    return () => {
      const index = flow.jobs.indexOf(job)
      if (index > 0) flow.jobs.splice(index, 1)
    }
  }

  /** Ends a flow and all it was to send. */
  cut(flow: Flow): void {
    flow.jobs.length = 0
    if (this.#active.delete(flow)) this.#isStale = true
  }

  /** Runs until `isDone`, or until `untilMs`. */
  run(isDone: () => boolean, untilMs: number): void {
    while (!isDone() && this.now < untilMs) {
      // What happens at one moment happens before anything moves on.
      if (this.#isStale && this.#events[0]?.at !== this.now) this.#share()
      const flow = this.#firstToEnd()
      const [event] = this.#events
      const flowAt = flow?.endsAtMs ?? Number.POSITIVE_INFINITY
      const eventAt = event?.at ?? Number.POSITIVE_INFINITY
      this.now = Math.min(flowAt, eventAt)
      if (flow !== undefined && flowAt <= eventAt) this.#end(flow)
      else if (event === undefined) return
      else pop(this.#events)?.run()
    }
  }

  #begin(flow: Flow): void {
    flow.bytesPerSecond = 0
    flow.sinceMs = this.now
    flow.endsAtMs = Number.POSITIVE_INFINITY
    this.#active.add(flow)
    this.#isStale = true
  }

  #firstToEnd(): Flow | undefined {
    let first: Flow | undefined
    for (const flow of this.#active) {
      if (flow.endsAtMs < (first?.endsAtMs ?? Number.POSITIVE_INFINITY)) first = flow
    }
    return first
  }

  #end(flow: Flow): void {
    const job = flow.jobs.shift()
    flow.sinceMs = this.now
    flow.endsAtMs = this.now + ((flow.jobs[0]?.leftBytes ?? 0) * 1000) / flow.bytesPerSecond
    if (flow.jobs.length === 0) {
      this.#active.delete(flow)
      this.#isStale = true
    }
    job?.done()
  }

  /** Progressive filling: the link with the smallest share fixes its flows' rates first. */
  #share(): void {
    this.#isStale = false
    this.#busy.length = 0
    for (const flow of this.#active) {
      flow.hasShare = false
      for (const link of flow.links) {
        if (link.flowsLeft === 0) {
          link.leftBytesPerSecond = link.bytesPerSecond
          link.flows.length = 0
          this.#busy.push(link)
        }
        link.flows.push(flow)
        link.flowsLeft += 1
      }
    }
    for (;;) {
      const narrowest = this.#narrowest()
      if (narrowest === undefined) return
      const share = narrowest.leftBytesPerSecond / narrowest.flowsLeft
      for (const flow of narrowest.flows) if (!flow.hasShare) this.#give(flow, share)
    }
  }

  #narrowest(): Link | undefined {
    let narrowest: Link | undefined
    let least = Number.POSITIVE_INFINITY
    for (const link of this.#busy) {
      if (link.flowsLeft === 0) continue
      const share = link.leftBytesPerSecond / link.flowsLeft
      if (share >= least) continue
      narrowest = link
      least = share
    }
    return narrowest
  }

  #give(flow: Flow, share: number): void {
    flow.hasShare = true
    for (const link of flow.links) {
      link.leftBytesPerSecond -= share
      link.flowsLeft -= 1
    }
    const [job] = flow.jobs
    if (job === undefined || share === flow.bytesPerSecond) return
    job.leftBytes -= (flow.bytesPerSecond * (this.now - flow.sinceMs)) / 1000
    flow.bytesPerSecond = share
    flow.sinceMs = this.now
    flow.endsAtMs = this.now + (job.leftBytes * 1000) / share
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
