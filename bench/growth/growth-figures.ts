import type { Transfer } from '../transfer/measure-transfer.ts'

/** What is made larger: the layer, or the number of peers. */
export type Growth = 'layer' | 'peers'

export type GrowthRow = { readonly growth: Growth; readonly round: number } & (
  | Transfer
  | { readonly peers: number; readonly mib: number; readonly reason: string }
)

type Figures = Record<string, number | string | null>

const UNITS: Readonly<Record<Growth, string>> = { layer: 'Mib', peers: '' }

/**
 * Of the largest over the smallest: time and CPU per GiB delivered and peak memory. Flat is 1. `null` with a reason when a size is
 * missing.
 */
export function growthFigures(rows: readonly GrowthRow[]): Figures {
  const all: Figures = {}
  for (const growth of ['layer', 'peers'] as const) {
    const of = (row: GrowthRow) => (growth === 'layer' ? row.mib : row.peers)
    const inGrowth = rows.filter((row) => row.growth === growth)
    const sizes = [...new Set(inGrowth.map(of))].sort((a, b) => a - b)
    const measured = sizes.map((size) => medianOf(inGrowth.filter((row) => of(row) === size)))
    for (const [index, size] of sizes.entries()) {
      const name = `${growth}${size}${UNITS[growth]}`
      all[`${name}SecondsPerGiB`] = measured[index]?.secondsPerGiB ?? null
      all[`${name}CpuPerGiB`] = measured[index]?.cpuPerGiB ?? null
      all[`${name}PeakRssMiB`] = measured[index]?.peakRssMiB ?? null
    }
    const [smallest, largest] = [measured[0], measured.at(-1)]
    const ratio = (pick: (medians: Medians) => number) =>
      smallest === undefined || largest === undefined ? null : round(pick(largest) / pick(smallest))
    all[`${growth}SecondsPerGiBGrowth`] = ratio(({ secondsPerGiB }) => secondsPerGiB)
    all[`${growth}CpuPerGiBGrowth`] = ratio(({ cpuPerGiB }) => cpuPerGiB)
    all[`${growth}PeakRssGrowth`] = ratio(({ peakRssMiB }) => peakRssMiB)
  }
  const failed = rows.find((row) => 'reason' in row)
  const growths = Object.entries(all).filter(([name]) => name.endsWith('Growth'))
  return {
    ...Object.fromEntries(growths),
    ...(failed !== undefined && 'reason' in failed ? { reason: failed.reason.slice(0, 300) } : {}),
    ...all,
  }
}

interface Medians {
  readonly secondsPerGiB: number
  readonly cpuPerGiB: number
  readonly peakRssMiB: number
}

function medianOf(rows: readonly GrowthRow[]): Medians | undefined {
  const runs = rows.filter((row): row is GrowthRow & Transfer => !('reason' in row))
  if (runs.length === 0) return undefined
  return {
    secondsPerGiB: median(runs.map(({ wallSeconds, mib, peers }) => wallSeconds / ((mib * peers) / 1024))),
    cpuPerGiB: median(runs.map(({ cpuPerGiB }) => cpuPerGiB)),
    peakRssMiB: median(runs.map(({ peakRssMiB }) => peakRssMiB)),
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  return round((low + high) / 2)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
