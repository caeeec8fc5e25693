import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const DASHBOARDS = ['shoal-fleet.json', 'shoal-boots.json'] as const

interface GrafanaPanel {
  readonly id: number
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource: unknown
  readonly targets: readonly { readonly refId: string; readonly expr: string }[]
  readonly fieldConfig: { readonly defaults: { readonly unit?: string } }
}

export interface GrafanaDashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly templating: { readonly list: readonly { readonly name: string }[] }
  readonly panels: readonly GrafanaPanel[]
}

const directory = join(import.meta.dirname, '../../infra/grafana')

/** A dashboard as it is written down. */
export async function readDashboard(name: (typeof DASHBOARDS)[number]): Promise<GrafanaDashboard> {
  return JSON.parse(await readFile(join(directory, name), 'utf8')) as GrafanaDashboard
}

/** Its expressions as Grafana sends them, with the variables filled in. */
export function dashboardExpressions({ panels }: GrafanaDashboard, range = '1m'): string[] {
  return panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll(/\$__(rate_interval|range)\b/g, range).replaceAll('$node', '.*')),
  )
}
