import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { Cluster } from './cluster.ts'
import { hurryRules, RULES_FILE } from './rules.ts'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

/** An alert as `/api/v1/alerts` gives it. */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

/** A real Prometheus that scrapes a cluster twice a second, with the rules that Shoal comes with, their times shortened. */
export interface Prometheus {
  alerts(): Promise<Alert[]>
  /** Waits until an alert fires. */
  fires(alert: string, options?: { instance?: string; timeoutMs?: number }): Promise<Alert>
  /** Samples of an expression at this moment. */
  query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>
}

const INTERVAL = '500ms'
/** So many times shorter are the times of the rules. */
const HURRY = 120

export async function startPrometheus(undo: Undo, cluster: Cluster): Promise<Prometheus> {
  const directory = join(cluster.directory, 'prometheus')
  await mkdir(directory)
  await writeFile(join(directory, 'rules.yaml'), hurryRules(await readFile(RULES_FILE, 'utf8'), HURRY))
  const token = join(cluster.directory, 'seed', 'node.token')
  const job = (name: string, urls: readonly string[]) => ({
    job_name: name,
    authorization: { credentials_file: token },
    static_configs: [{ targets: urls.map((url) => new URL(url).host) }],
  })
  const config = {
    global: { scrape_interval: INTERVAL, scrape_timeout: INTERVAL, evaluation_interval: INTERVAL },
    rule_files: ['rules.yaml'],
    scrape_configs: [
      job('shoal-seed', [cluster.seed.url]),
      job(
        'shoal-peer',
        cluster.peers.map(({ url }) => url),
      ),
    ],
  }
  await writeFile(join(directory, 'prometheus.yaml'), stringify(config))
  // Beside the services, in the network of addresses that the test has for itself.
  const host = new URL(cluster.seed.url).hostname.replace(/\d+$/, '200')
  const url = `http://${host}:9090`
  await run(undo, directory, `${host}:9090`)
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(5000) })
    const { status, data, error } = (await response.json()) as { status: string; data: T; error?: string }
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data
  }
  await until('Prometheus is ready', async () => (await fetch(`${url}/-/ready`)).ok)
  const alerts = async () => (await get<{ alerts: Alert[] }>('/api/v1/alerts')).alerts
  return {
    alerts,
    fires: (alert, { instance, timeoutMs = 30_000 } = {}) =>
      until(
        `${alert} fires`,
        async () => {
          const all = await alerts()
          const found = all.find(
            ({ labels, state }) =>
              labels.alertname === alert &&
              state === 'firing' &&
              (instance === undefined || labels.instance?.startsWith(`${instance}:`)),
          )
          if (found !== undefined) return found
          throw new Error(`alerts: ${JSON.stringify(all.map(({ labels, state }) => [labels.alertname, state]))}`)
        },
        { timeoutMs, everyMs: 200 },
      ),
    query: async (expression) => {
      const path = `/api/v1/query?query=${encodeURIComponent(expression)}`
      return (await get<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(path)).result
    },
  }
}

async function run(undo: Undo, directory: string, address: string): Promise<void> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)))
  const log = openSync(join(directory, 'log'), 'a')
  const argv = [`--config.file=${directory}/prometheus.yaml`, `--storage.tsdb.path=${directory}/data`]
  const prometheus = spawn('prometheus', [...argv, `--web.listen-address=${address}`], {
    ...{ env, cwd: directory },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  undo.after(async () => {
    if (prometheus.exitCode !== null || prometheus.signalCode !== null) return
    const gone = once(prometheus, 'exit')
    prometheus.kill('SIGKILL')
    await gone
  })
  await once(prometheus, 'spawn')
}
