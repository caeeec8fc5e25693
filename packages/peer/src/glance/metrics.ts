import type { Metrics } from '@shoal/service'
import { PASS_REASONS, type PassReason } from './pass-reason.ts'

/** What counts the requests to the Glance endpoint. */
export interface GatewayCounters {
  /** A request was answered. */
  answered(answer: { readonly isDownload: boolean; readonly status: number }): void
  /** Bytes of an image that a client got, by where they came from. */
  sent(bytes: { readonly layerBytes: number; readonly glanceBytes: number }): void
  /** A download is answered by Glance itself. */
  passed(reason: PassReason): void
  /** A download was cut after its answer had begun, and not by the client. */
  cut(): void
}

/** The metrics of the Glance endpoint; `running` tells how many downloads are under way. */
export function registerGatewayMetrics(metrics: Metrics, running: () => number): GatewayCounters {
  const requests = metrics.counter({
    name: 'shoal_gateway_requests_total',
    help: 'Requests to the Glance endpoint answered, by kind and status class.',
    labels: ['kind', 'status'],
  })
  metrics.gauge({
    name: 'shoal_gateway_downloads',
    help: 'Downloads of images under way.',
    collect: (gauge) => gauge.set(running()),
  })
  const bytes = metrics.counter({
    name: 'shoal_gateway_sent_bytes_total',
    help: 'Image data given to clients, by where it came from: layers of Shoal, or Glance itself.',
    labels: ['source'],
  })
  const passed = metrics.counter({
    name: 'shoal_gateway_passed_total',
    help: 'Downloads that Glance itself answered, by why.',
    labels: ['reason'],
  })
  const cuts = metrics.counter({
    name: 'shoal_gateway_cut_total',
    help: 'Downloads that were cut because neither the swarm nor Glance had the rest.',
  })
  for (const reason of PASS_REASONS) passed.inc({ reason }, 0)
  return {
    answered: ({ isDownload, status }) => {
      requests.inc({ kind: isDownload ? 'download' : 'other', status: `${Math.floor(status / 100)}xx` })
    },
    sent: ({ layerBytes, glanceBytes }) => {
      bytes.inc({ source: 'layers' }, layerBytes)
      bytes.inc({ source: 'glance' }, glanceBytes)
    },
    passed: (reason) => passed.inc({ reason }),
    cut: () => cuts.inc(),
  }
}
