import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricOptions<L extends string> {
  /** `shoal_<area>_<what>_<unit|total>`. */
  name: string
  help: string
  /** Names of labels; their values must be few: never a peer, an image or a VM. */
  labels?: readonly L[]
}

/** The metrics of one process, in a registry of its own. */
export interface Metrics {
  readonly contentType: string
  counter<L extends string = never>(options: MetricOptions<L>): Counter<L>
  /** A counter that somebody else keeps: `read` tells how far it is, and it only grows. */
  total(options: Omit<MetricOptions<never>, 'labels'> & { read: () => number }): void
  gauge<L extends string = never>(
    options: MetricOptions<L> & { collect?: (gauge: Gauge<L>) => void | Promise<void> },
  ): Gauge<L>
  histogram<L extends string = never>(options: MetricOptions<L> & { buckets: readonly number[] }): Histogram<L>
  /** The Prometheus text exposition of all metrics. */
  text(): Promise<string>
  close(): void
}

/** Of the sampling of the event loop: each sample wakes the process, of which a machine may have many that do nothing. */
const EVENT_LOOP_MS = 50
const NAME = /^shoal(_[a-z][a-z0-9]*){2,}$/

/** Creates the metrics of a process; `process: true` (the default) adds prom-client's own for memory, CPU and event loop. */
export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  if (options.process ?? true) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_MS })
  }
  const common = <L extends string>({ name, help, labels }: MetricOptions<L>) => {
    if (!NAME.test(name)) throw new TypeError(`"${name}" is not a metric name like shoal_<area>_<what>_<unit|total>`)
    return { name, help, labelNames: [...(labels ?? [])], registers }
  }
  return {
    contentType: registry.contentType,
    counter: (options) => new Counter(common(options)),
    total: ({ name, help, read }) => {
      const counter: Counter = new Counter({
        ...common({ name, help }),
        collect: () => {
          counter.reset()
          counter.inc(read())
        },
      })
    },
    gauge: <L extends string>(
      options: MetricOptions<L> & { collect?: (gauge: Gauge<L>) => void | Promise<void> },
    ): Gauge<L> => {
      const { collect } = options
      const gauge: Gauge<L> = new Gauge<L>({
        ...common(options),
        ...(collect === undefined ? {} : { collect: (): void | Promise<void> => collect(gauge) }),
      })
      return gauge
    },
    histogram: (options) => new Histogram({ ...common(options), buckets: [...options.buckets] }),
    text: () => registry.metrics(),
    close: () => registry.clear(),
  }
}
